#include "isomer_unicode_decompositions.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/unicode_decompositions.bin.gz"
};

const uint8_t *isomer_unicode_decompositions_bytes(void) { return bytes; }
size_t isomer_unicode_decompositions_count(void) { return sizeof bytes; }
