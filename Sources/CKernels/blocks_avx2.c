#if defined(__x86_64__)
#include <float.h>

#include "blocks_kernels.h"

// Without FMA: every operation is rounded by itself, as in the reference.
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define LANES 8
#define ROUNDS 1
#define KERNELS isomer_block_kernels_avx2
#include "blocks_kernels.inc"

#pragma clang attribute pop
#endif
