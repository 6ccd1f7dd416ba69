// What each level implements of the matrix, attention and layer kernels.
#ifndef COMPUTE_KERNELS_H
#define COMPUTE_KERNELS_H

#include <stdint.h>
#include <string.h>

#include "isomer_attention.h"
#include "isomer_layers.h"
#include "isomer_matrix.h"

enum {
    // Packed operands come in units of four bytes: one f32, or two bf16 that are multiplied together.
    // Units from one row to the next where rows are not packed closer: 33 cache lines, so that neighbours do not fall into the same set of a cache.
    PACKED_STRIDE = 528,
    // Units summed before a tile goes back to memory. A panel of weights this deep, 64 KiB, comes from the second cache at full speed.
    BLOCK_DEPTH = 512,
    // Rows gathered at a time, a multiple of every level's tile: 200 KiB.
    BLOCK_ROWS = 96,
    // The same of a linear layer, whose rows are read, written and then not used again: fewer of them push fewer weights out of a 1 MiB cache.
    LAYER_ROWS = 72,
    // Rows of a job that packs its weights as it goes.
    FEW_ROWS = 192,
    // Rows of a linear map that is done turned around, and what its rows of sums are apart.
    TURNED_ROWS = 512,
    TURNED_STRIDE = TURNED_ROWS + 16,
    // The largest tile of any level.
    TILE_ROWS = 48,
    TILE_COLUMNS = 32,
    // Keys that are weighed before the sums are rescaled.
    KEY_BLOCK = 256,
    // Queries that share a block of keys while it is in the cache, a multiple of every level's tile.
    QUERY_ROWS = 96,
    // Weights of one output that are widened at a time.
    WIDENED = 1024,
    WIDENED_STRIDE = WIDENED + 16,
    // Transformed rows of up to PACKED_STRIDE units that all of Winograd's products together may have, and rows of a panel's sums.
    WINOGRAD_ROWS = 16 * 192,
    WINOGRAD_SUMS = 16 * BLOCK_ROWS,
    // The most channels of a convolution that is done so.
    WINOGRAD_CHANNELS = 8192,
};

typedef struct {
    size_t rows, columns;
    isomer_matrix_plan (*plan)(const isomer_matrix_job *);
    void (*pack)(const isomer_matrix_job *, size_t, size_t, isomer_level, void *, void *);
    void (*matrix)(const isomer_matrix_job *, const void *, size_t, size_t, size_t, size_t, isomer_level, void *);
    void (*few_rows)(const isomer_matrix_job *, size_t, size_t, isomer_level, void *);
    void (*attention_pack)(const isomer_attention_job *, size_t, size_t);
    void (*attention)(const isomer_attention_job *, size_t, size_t, size_t, size_t, void *);
    void (*group_moments)(const float *, size_t, size_t, size_t, float *, double *, double *);
    void (*scale_shift)(const float *, float *, size_t, size_t, const float *, const float *, isomer_activation, bool);
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
const compute_kernels *isomer_compute_kernels_amx(void);
const compute_kernels *isomer_compute_kernels(isomer_level level);

#endif
