#if defined(__x86_64__)
#include <immintrin.h>

#include "compute_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define VECTOR 8
#define ROWS 6
#define TALL 6
#define STRIP LOW
#define LOW 2
#define WINOGRAD_LEAST 32
#define KERNELS isomer_compute_kernels_avx2

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

#pragma clang attribute pop
#endif
