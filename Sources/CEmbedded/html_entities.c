#include "isomer_html_entities.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t bytes[] = {
#embed "Data/html_entities.txt.gz"
};

const uint8_t *isomer_html_entities_bytes(void) { return bytes; }
size_t isomer_html_entities_count(void) { return sizeof bytes; }
