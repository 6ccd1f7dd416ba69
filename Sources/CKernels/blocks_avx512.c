#if defined(__x86_64__)
#include <float.h>

#include "blocks_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define LANES 32
#define ROUNDS 1
#define KERNELS isomer_block_kernels_avx512
#include "blocks_kernels.inc"

#pragma clang attribute pop
#endif
