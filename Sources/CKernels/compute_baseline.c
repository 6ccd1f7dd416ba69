#include "compute_kernels.h"

#define VECTOR 4
#if defined(__aarch64__)
// Twice as many registers.
#define ROWS 8
#define TALL 8
#else
#define ROWS 4
#define TALL 4
#endif
#define STRIP LOW
#define LOW 2
#define WINOGRAD_LEAST 64
#define KERNELS isomer_compute_kernels_baseline

#include "compute_vector.inc"
#include "compute_tile.inc"
#include "compute_rows.inc"
#include "compute_weights.inc"
#include "compute_winograd.inc"
#include "compute_slim.inc"
#include "compute_turned.inc"
#include "compute_matrix.inc"
#include "compute_attention.inc"
#include "compute_layers.inc"
