// Arithmetic on whole tensors of weights.
#ifndef ISOMER_MERGE_H
#define ISOMER_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// output[i] = Σ weights[k] · inputs[k][i], summed in order of k, each product and sum rounded by itself: the same bits on every machine.
// `output` may be any of the inputs.
void isomer_weighted_sum(isomer_level level, const float *const *inputs, const float *weights, size_t inputs_count, float *output,
                         size_t count);

// The numbers of the second factor of a low-rank product, `rank` × `columns`, widened and placed as `isomer_add_low_rank` wants them, in
// `isomer_low_rank_panels` numbers.
size_t isomer_low_rank_panels(size_t rank, size_t columns);
void isomer_low_rank_pack(const float *right, size_t rank, size_t columns, double *panels);

// output[m][n] += factor · Σ left[m][r] · right[r][n], for `rows` × `rank` and `rank` × `columns` matrices: summed in binary64, in which the
// products of binary32 numbers are exact, in order of r, and rounded once. The same bits on every machine.
void isomer_add_low_rank(isomer_level level, const double *left, const double *panels, size_t rows, size_t columns, size_t rank, double factor,
                         float *output);

// How changes from a base are thinned out and combined.
typedef struct {
    // Changes smaller than this are taken for zero, one for each input.
    const float *thresholds;
    // One factor for each input.
    const float *weights;
    // Random numbers that decide which changes are dropped: one sequence for each input; null to drop none.
    const uint64_t *keys;
    // The share that is kept, of 2^32; what stays is divided by it.
    uint64_t kept;
    float rescale;
    // Whether changes against the sign of the sum are left out.
    bool elects_sign;
    // Whether the sum is divided by the weights of what is in it.
    bool normalizes;
    float scale;
} isomer_task_vectors;

// output[i] = base[i] + scale · combined(inputs[k][i] - base[i]); `first` is the number of the first element in its tensor. At most 64
// inputs.
void isomer_combine_task_vectors(const isomer_task_vectors *job, const float *base, const float *const *inputs, size_t inputs_count,
                                 uint64_t first, float *output, size_t count);

// Σ a·b in binary64, in eight sums.
double isomer_dot(isomer_level level, const float *a, const float *b, size_t count);

double isomer_dot_f64(isomer_level level, const double *a, const double *b, size_t count);

// y += factor · x
void isomer_add_f64(isomer_level level, double factor, const double *x, double *y, size_t count);

#endif
