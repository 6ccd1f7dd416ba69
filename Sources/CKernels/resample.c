#include "resample_kernels.h"

#include <string.h>

static inline uint8_t finish(uint32_t sum) {
    const int32_t value = (int32_t)sum >> ISOMER_RESAMPLE_FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

// Sums are unsigned, so that they wrap; a filter's own weights never make them.
static void rows_baseline(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter) {
    for (size_t y = 0; y < rows; y++, source += source_stride, target += target_stride) {
        uint8_t *out = target;
        for (size_t i = 0; i < filter->outputs; i++) {
            const int32_t *weights = filter->weights + i * filter->capacity;
            const uint8_t *in = source + (size_t)filter->first[i] * (size_t)channels;
            for (int c = 0; c < channels; c++) {
                uint32_t sum = ROUNDING;
                for (int t = 0; t < filter->count[i]; t++) sum += (uint32_t)in[t * channels + c] * (uint32_t)weights[t];
                *out++ = finish(sum);
            }
        }
    }
}

static void columns_baseline(
    const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output, size_t rows,
    size_t row_bytes, size_t start, const isomer_resample_filter *filter) {
    for (size_t y = 0; y < rows; y++, target += target_stride) {
        const size_t i = first_output + y;
        const int32_t *weights = filter->weights + i * filter->capacity;
        const uint8_t *in = source + (ptrdiff_t)filter->first[i] * source_stride;
        for (size_t x = start; x < row_bytes; x++) {
            uint32_t sum = ROUNDING;
            for (int t = 0; t < filter->count[i]; t++) sum += (uint32_t)in[t * source_stride + (ptrdiff_t)x] * (uint32_t)weights[t];
            target[x] = finish(sum);
        }
    }
}

isomer_level isomer_resample_level(isomer_level level, const isomer_resample_filter *filter, int channels) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512 && isomer_resample_suits_avx512(filter, channels)) return ISOMER_LEVEL_AVX512;
#endif
    (void)filter;
    (void)channels;
    return level >= ISOMER_LEVEL_AVX2 ? ISOMER_LEVEL_AVX2 : ISOMER_LEVEL_BASELINE;
}

bool isomer_resample_turns(isomer_level level, int channels) {
#if defined(__x86_64__)
    return level >= ISOMER_LEVEL_AVX2 && channels == 1;
#else
    (void)channels;
    return level >= ISOMER_LEVEL_AVX2;
#endif
}

size_t isomer_resample_packed_bytes(isomer_level level, const isomer_resample_filter *filter, int channels) {
#if defined(__x86_64__)
    if (level == ISOMER_LEVEL_AVX512) return isomer_resample_packed_bytes_avx512(filter, channels);
    if (level == ISOMER_LEVEL_AVX2) return isomer_resample_packed_bytes_avx2(filter, channels);
#endif
    (void)level;
    (void)filter;
    (void)channels;
    return 0;
}

void isomer_resample_pack(isomer_level level, const isomer_resample_filter *filter, int channels, void *packed) {
#if defined(__x86_64__)
    if (level == ISOMER_LEVEL_AVX512) isomer_resample_pack_avx512(filter, channels, packed);
    if (level == ISOMER_LEVEL_AVX2) isomer_resample_pack_avx2(filter, channels, packed);
#endif
    (void)level;
    (void)filter;
    (void)channels;
    (void)packed;
}

void isomer_resample_rows(
    isomer_level level, const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter) {
    resample_rows *kernel = rows_baseline;
#if defined(__x86_64__)
    if (level == ISOMER_LEVEL_AVX512) kernel = isomer_resample_rows_avx512;
    if (level == ISOMER_LEVEL_AVX2) kernel = isomer_resample_rows_avx2;
#endif
    (void)level;
    kernel(source, source_stride, target, target_stride, rows, channels, filter);
}

void isomer_resample_columns(
    isomer_level level, const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output,
    size_t rows, size_t row_bytes, const isomer_resample_filter *filter) {
    size_t done = 0;
#if defined(__x86_64__)
    if (level == ISOMER_LEVEL_AVX512)
        done = isomer_resample_columns_avx512(source, source_stride, target, target_stride, first_output, rows, row_bytes, filter);
    if (level == ISOMER_LEVEL_AVX2)
        done = isomer_resample_columns_avx2(source, source_stride, target, target_stride, first_output, rows, row_bytes, filter);
#elif defined(__aarch64__)
    if (level == ISOMER_LEVEL_AVX2)
        done = isomer_resample_columns_neon(source, source_stride, target, target_stride, first_output, rows, row_bytes, filter);
#endif
    (void)level;
    if (done < row_bytes)
        columns_baseline(source, source_stride, target, target_stride, first_output, rows, row_bytes, done, filter);
}

typedef uint8_t sixteen __attribute__((vector_size(16)));

// Sixteen rows of sixteen bytes. Four times each row is interleaved with the one eight rows below it, as cards are shuffled.
static inline void transpose_block(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride) {
    sixteen rows[16], next[16];
    for (size_t i = 0; i < 16; i++) memcpy(&rows[i], source + i * source_stride, 16);
#pragma clang loop unroll(full)
    for (int round = 0; round < 4; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) {
            next[2 * i] = __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            next[2 * i + 1] = __builtin_shufflevector(
                rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) rows[i] = next[i];
    }
    for (size_t i = 0; i < 16; i++) memcpy(target + i * target_stride, &rows[i], 16);
}

void isomer_transpose_bytes(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t width, size_t height) {
    const size_t whole_width = width / 16 * 16, whole_height = height / 16 * 16;
    for (size_t y = 0; y < whole_height; y += 16) {
        for (size_t x = 0; x < whole_width; x += 16)
            transpose_block(source + y * source_stride + x, source_stride, target + x * target_stride + y, target_stride);
        for (size_t x = whole_width; x < width; x++)
            for (size_t n = 0; n < 16; n++) target[x * target_stride + y + n] = source[(y + n) * source_stride + x];
    }
    for (size_t y = whole_height; y < height; y++)
        for (size_t x = 0; x < width; x++) target[x * target_stride + y] = source[y * source_stride + x];
}
