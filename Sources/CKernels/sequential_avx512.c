#if defined(__x86_64__)
#define KERNELS isomer_sequential_avx512
#define BLOCK isomer_sequential_block_bmi2
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "sequential_pixels.inc"
#endif
