// Which instructions the kernels may use.
#ifndef ISOMER_LEVEL_H
#define ISOMER_LEVEL_H

#include <stdbool.h>

typedef enum {
    // What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    ISOMER_LEVEL_BASELINE = 0,
    // x86-64: AVX2, F16C, FMA, PCLMULQDQ. arm64: the CRC-32 instructions.
    ISOMER_LEVEL_AVX2 = 1,
    // x86-64: the above, AVX-512 F, BW, DQ, VL and VPCLMULQDQ.
    ISOMER_LEVEL_AVX512 = 2,
    // x86-64: the above and AVX512_BF16.
    ISOMER_LEVEL_AVX512BF16 = 3,
    // x86-64: the above, AMX-TILE and AMX-BF16, with the kernel's leave to use the tiles. Linux only.
    ISOMER_LEVEL_AMX = 4,
} isomer_level;

// Whether this machine and its operating system have all instructions of `level`.
bool isomer_level_supported(isomer_level level);

// The best supported level, or the one named by the environment variable ISOMER_KERNELS (baseline, avx2, avx512, avx512bf16, amx)
// if that is lower. Looked up once.
isomer_level isomer_level_current(void);

// What ISOMER_KERNELS says; NULL if it is not set or empty.
const char *isomer_level_wish(void);

#endif
