// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), as used by zip and PNG.
#ifndef ISOMER_CRC32_H
#define ISOMER_CRC32_H

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 to begin) over `count` bytes.
uint32_t isomer_crc32(uint32_t crc, const void *bytes, size_t count);

#endif
