#include <float.h>

#include "blocks_kernels.h"

#define LANES 4
#define KERNELS isomer_block_kernels_baseline
#include "blocks_kernels.inc"
