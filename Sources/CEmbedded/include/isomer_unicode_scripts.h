// Characters of one script, gzip: lines of first, last and a number for the script, in hex.
#ifndef ISOMER_UNICODE_SCRIPTS_H
#define ISOMER_UNICODE_SCRIPTS_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_unicode_scripts_bytes(void);
size_t isomer_unicode_scripts_count(void);

#endif
