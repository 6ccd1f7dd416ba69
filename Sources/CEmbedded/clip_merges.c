#include "isomer_clip_merges.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/clip_merges.bin.gz"
};

const uint8_t *isomer_clip_merges_bytes(void) { return bytes; }
size_t isomer_clip_merges_count(void) { return sizeof bytes; }
