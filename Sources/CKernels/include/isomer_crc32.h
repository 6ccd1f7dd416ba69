// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), as used by zip and PNG.
#ifndef ISOMER_CRC32_H
#define ISOMER_CRC32_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// Continues `crc` (0 to begin) over `count` bytes.
uint32_t isomer_crc32(isomer_level level, uint32_t crc, const void *bytes, size_t count);

// The sum of A followed by B from the sum of A, the sum of B and the length of B in bytes. Takes time in log(count).
uint32_t isomer_crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t count_b);

#endif
