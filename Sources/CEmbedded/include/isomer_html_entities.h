// HTML's named character references, gzip: a line each, the name with or without its semicolon, a tab, the text.
#ifndef ISOMER_HTML_ENTITIES_H
#define ISOMER_HTML_ENTITIES_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_html_entities_bytes(void);
size_t isomer_html_entities_count(void);

#endif
