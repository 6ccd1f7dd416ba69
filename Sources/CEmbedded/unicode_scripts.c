#include "isomer_unicode_scripts.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/unicode_scripts.txt.gz"
};

const uint8_t *isomer_unicode_scripts_bytes(void) { return bytes; }
size_t isomer_unicode_scripts_count(void) { return sizeof bytes; }
