// What misread text looks like, gzip: lines of `class NAME CODES`, `page NAME CODES` and `entity NAME CODES`, codes in hex.
#ifndef ISOMER_MOJIBAKE_H
#define ISOMER_MOJIBAKE_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_mojibake_bytes(void);
size_t isomer_mojibake_count(void);

#endif
