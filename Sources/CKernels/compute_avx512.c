#if defined(__x86_64__)
#include <immintrin.h>

#include "compute_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define VECTOR 16
#define ROWS 12
#define TALL 12
#define MIDDLE 8
#define STRIP LOW
#define LOW 4
#define WINOGRAD_LEAST 32
#define KERNELS isomer_compute_kernels_avx512

#include "compute_vector.inc"
#include "compute_transpose16.inc"
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
