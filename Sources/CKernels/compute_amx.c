#if defined(__x86_64__)
#include <immintrin.h>

#include "compute_kernels.h"

#ifdef ISOMER_AMX_MODEL
// Tools/Kernels checks this file's arithmetic where there are no such registers.
#include ISOMER_AMX_MODEL
#define AMX_FEATURES
#else
#define AMX_FEATURES ",amx-tile,amx-bf16"
#endif

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16" AMX_FEATURES))), apply_to = function)

#define VECTOR 16
// A height of two tiles: with one, as much would be read for half the products.
#define ROWS 32
#define STRIP ROWS
#define TALL 12
#define MIDDLE 8
#define LOW 4
#define WINOGRAD_LEAST 64
#define KERNELS isomer_compute_kernels_amx
#define PAIRS
#define TILES

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
