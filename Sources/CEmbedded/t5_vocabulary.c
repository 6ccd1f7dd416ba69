#include "isomer_t5_vocabulary.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/t5_spiece.model.gz"
};

const uint8_t *isomer_t5_vocabulary_bytes(void) { return bytes; }
size_t isomer_t5_vocabulary_count(void) { return sizeof bytes; }
