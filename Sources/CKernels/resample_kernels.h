// What each level implements of the resampling passes.
#ifndef RESAMPLE_KERNELS_H
#define RESAMPLE_KERNELS_H

#include <stdbool.h>

#include "isomer_resample.h"

// Half of what a finished sum is divided by.
enum { ROUNDING = 1 << (ISOMER_RESAMPLE_FRACTION_BITS - 1) };

// A pass along rows; the arguments are those of isomer_resample_rows.
typedef void resample_rows(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter);

// A pass along columns. Answers how many bytes of each row it made; the baseline makes the rest.
typedef size_t resample_columns(
    const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output, size_t rows,
    size_t row_bytes, const isomer_resample_filter *filter);

#if defined(__x86_64__)
size_t isomer_resample_packed_bytes_avx2(const isomer_resample_filter *filter, int channels);
void isomer_resample_pack_avx2(const isomer_resample_filter *filter, int channels, int16_t *packed);
resample_rows isomer_resample_rows_avx2;
resample_columns isomer_resample_columns_avx2;

bool isomer_resample_suits_avx512(const isomer_resample_filter *filter, int channels);
size_t isomer_resample_packed_bytes_avx512(const isomer_resample_filter *filter, int channels);
void isomer_resample_pack_avx512(const isomer_resample_filter *filter, int channels, int8_t *packed);
resample_rows isomer_resample_rows_avx512;
resample_columns isomer_resample_columns_avx512;
#endif

#if defined(__aarch64__)
resample_columns isomer_resample_columns_neon;
#endif

#endif
