// What each level implements of the matrix, attention and layer kernels.
#ifndef COMPUTE_KERNELS_H
#define COMPUTE_KERNELS_H

#include <stdint.h>
#include <string.h>

#include "isomer_attention.h"
#include "isomer_layers.h"
#include "isomer_matrix.h"

enum {
    // Numbers of one packed row: 33 cache lines, so that neighbouring rows do not fall into the same set of a cache.
    PACKED_STRIDE = 528,
    // Products summed before a tile goes back to memory.
    BLOCK_DEPTH = 384,
    // Outputs whose weights are packed at a time: with BLOCK_DEPTH, half of a 1 MiB cache.
    BLOCK_OUTPUTS = 320,
    // The largest tile of any level.
    TILE_ROWS = 12,
    TILE_COLUMNS = 32,
    // Keys that are weighed before the sums are rescaled.
    KEY_BLOCK = 256,
    // Tiles of queries that share a block of keys while it is in the cache.
    QUERY_TILES = 8,
};

typedef struct {
    size_t rows, columns;
    void (*matrix)(const isomer_matrix_job *, size_t, size_t, size_t, size_t, isomer_level, void *);
    void (*attention_pack)(const isomer_attention_job *, size_t, size_t);
    void (*attention)(const isomer_attention_job *, size_t, size_t, size_t, size_t, void *);
    void (*group_moments)(const float *, size_t, size_t, size_t, float *, double *, double *);
    void (*scale_shift)(const float *, float *, size_t, size_t, const float *, const float *, isomer_activation);
    void (*row_norm)(const float *, float *, size_t, size_t, const float *, const float *, float, bool);
    void (*activate)(const float *, float *, size_t, isomer_activation);
    void (*gate)(const float *, float *, size_t, size_t, isomer_activation);
    void (*add_scaled)(const float *, const float *, float, float *, size_t);
    float (*magnitude)(const float *, size_t);
} compute_kernels;

const compute_kernels *isomer_compute_kernels_baseline(void);
const compute_kernels *isomer_compute_kernels_avx2(void);
const compute_kernels *isomer_compute_kernels_avx512(void);
const compute_kernels *isomer_compute_kernels_avx512bf16(void);
const compute_kernels *isomer_compute_kernels(isomer_level level);

#endif
