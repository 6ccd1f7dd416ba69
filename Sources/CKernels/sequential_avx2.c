#if defined(__x86_64__)
#define KERNELS isomer_sequential_avx2
#define BLOCK isomer_sequential_block_bmi2
#define TARGET __attribute__((target("avx2")))
#include "sequential_pixels.inc"
#endif
