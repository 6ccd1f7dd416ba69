// Products of f32 number by number, and rotations. The same bits at every level.
#ifndef ISOMER_ELEMENTWISE_H
#define ISOMER_ELEMENTWISE_H

#include <stddef.h>

#include "isomer_level.h"

// output[i] = a[i] · b[i]. Any may be the same.
void isomer_multiply(isomer_level level, const float *a, const float *b, float *output, size_t count);

// output[i] = input[i] · scale + shift. Both may be the same.
void isomer_scale_number(isomer_level level, const float *input, float scale, float shift, float *output, size_t count);

// output[r][c] = residual[r][c] + gate[c] · input[r][c]. Any of the first three may be the output.
void isomer_add_gated(isomer_level level, const float *residual, const float *input, const float *gate, float *output, size_t rows,
                      size_t channels);

// Turns each of `heads` groups of 2 · pairs neighbours: pair i, the numbers 2i and 2i + 1, by the angle of cosine cosines[i] and sine sines[i].
// Input and output may be the same.
void isomer_rotate(isomer_level level, const float *input, const float *cosines, const float *sines, float *output, size_t heads,
                   size_t pairs);

#endif
