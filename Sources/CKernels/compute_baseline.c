#include "compute_kernels.h"

#define VECTOR 4
#define ROWS 4
#define LOW_ROWS 2
#define KERNELS isomer_compute_kernels_baseline

#include "compute_vector.inc"
#include "compute_matrix.inc"
#include "compute_attention.inc"
#include "compute_layers.inc"
