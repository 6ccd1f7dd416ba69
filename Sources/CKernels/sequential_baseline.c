#define KERNELS isomer_sequential_baseline
#define BLOCK isomer_sequential_block
#define TARGET
#include "sequential_pixels.inc"
