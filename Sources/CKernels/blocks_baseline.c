#include <float.h>

#include "blocks_kernels.h"

#define LANES 4
#if defined(__aarch64__)
#define ROUNDS 1
#endif
#define KERNELS isomer_block_kernels_baseline
#include "blocks_kernels.inc"
