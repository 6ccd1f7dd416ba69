#include "isomer_mojibake.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/mojibake.txt.gz"
};

const uint8_t *isomer_mojibake_bytes(void) { return bytes; }
size_t isomer_mojibake_count(void) { return sizeof bytes; }
