// Normalisations and functions over rows of f32.
#ifndef ISOMER_LAYERS_H
#define ISOMER_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "isomer_level.h"
#include "isomer_matrix.h"

// Mean and sum of squared deviations of each of `groups` groups of neighbouring channels over `rows` rows, `channels` numbers each, without
// gaps. `scratch` takes 2 · channels floats. Deviations are taken from the mean of 16 rows at a time, so that a large mean costs no digits.
void isomer_group_moments(isomer_level level, const float *input, size_t rows, size_t channels, size_t groups, float *scratch,
                          double *means, double *deviations);

// output[r][c] = f(input[r][c] · scale[c] + shift[c]). Input and output may be the same. With `is_large` the output, of which these rows may be a
// part, does not fit into the caches and is written past them: its lines need not be read before.
void isomer_scale_shift(isomer_level level, const float *input, float *output, size_t rows, size_t channels, const float *scale,
                        const float *shift, isomer_activation activation, bool is_large);

// Each row less its mean, divided by √(variance + epsilon), times scale, plus shift; both may be null. With `is_root_mean_square` the mean
// stays and the mean square stands for the variance. Input and output may be the same.
void isomer_row_norm(isomer_level level, const float *input, float *output, size_t rows, size_t channels, const float *scale,
                     const float *shift, float epsilon, bool is_root_mean_square);

// output[i] = f(input[i]). Input and output may be the same.
void isomer_activate(isomer_level level, const float *input, float *output, size_t count, isomer_activation activation);

// output[r][c] = input[r][c] · f(input[r][width + c]) for rows of 2 · width numbers.
void isomer_gate(isomer_level level, const float *input, float *output, size_t rows, size_t width, isomer_activation activation);

// output[i] = a[i] + b[i] · scale. Any may be the same.
void isomer_add_scaled(isomer_level level, const float *a, const float *b, float scale, float *output, size_t count);

// The largest |x|; an infinity or NaN if there is one.
float isomer_magnitude(isomer_level level, const float *input, size_t count);

#endif
