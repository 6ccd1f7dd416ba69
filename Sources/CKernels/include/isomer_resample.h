// One pass of a separable filter over 8-bit samples, in Pillow's fixed point.
//
// Reference: Pillow 13.0.0, src/libImaging/Resample.c: weights are integers of 22 fraction bits, a sum starts at one half, and is shifted
// down and cut to 0...255 after each pass.
#ifndef ISOMER_RESAMPLE_H
#define ISOMER_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

#define ISOMER_RESAMPLE_FRACTION_BITS 22

// The filter of one axis: output sample i is the sum of weights[i * capacity + t] * input[first[i] + t] for t below count[i].
typedef struct {
    size_t outputs;
    // Weights from one output to the next.
    size_t capacity;
    const int32_t *first;
    const int32_t *count;
    const int32_t *weights;
    // The same weights as isomer_resample_pack lays them out, or null where nothing needs to be.
    const void *packed;
} isomer_resample_filter;

// Which kernels a filter goes with: at most `level`, and less where the machine lacks an instruction or a weight is too large.
// `channels` is 1 to 4 for a pass along rows, and 0 for one along columns. Everything below takes the level that this answers.
isomer_level isomer_resample_level(isomer_level level, const isomer_resample_filter *filter, int channels);

// Bytes that isomer_resample_pack writes.
size_t isomer_resample_packed_bytes(isomer_level level, const isomer_resample_filter *filter, int channels);

// Lays the weights out for the kernels of `level`; `packed` is aligned to 64 bytes.
void isomer_resample_pack(isomer_level level, const isomer_resample_filter *filter, int channels, void *packed);

// Whether rows of so many channels are done sooner as columns of the transposed rows, for want of a kernel that is as good.
bool isomer_resample_turns(isomer_level level, int channels);

// Filters along rows of interleaved pixels of 1 to 4 channels, where they are not turned. The vector kernels read up to 63 bytes behind each row's end,
// so the last row must have as many behind it; what they hold does not matter.
void isomer_resample_rows(
    isomer_level level, const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter);

// Filters along columns: makes `rows` output rows of `row_bytes` bytes, the first of which is output `first_output` of the filter.
// `source` is the row that the filter calls 0; only rows that it names are read.
void isomer_resample_columns(
    isomer_level level, const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output,
    size_t rows, size_t row_bytes, const isomer_resample_filter *filter);

// Exchanges rows and columns: `height` rows of `width` bytes become `width` rows of `height` bytes.
void isomer_transpose_bytes(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t width, size_t height);

#endif
