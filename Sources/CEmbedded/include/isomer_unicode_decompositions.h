// Unicode's decomposition mappings, gzip: little-endian words, for each character its code point (bit 31: compatibility mapping; bit 30:
// never composed), the length of its mapping, the mapping.
#ifndef ISOMER_UNICODE_DECOMPOSITIONS_H
#define ISOMER_UNICODE_DECOMPOSITIONS_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_unicode_decompositions_bytes(void);
size_t isomer_unicode_decompositions_count(void);

#endif
