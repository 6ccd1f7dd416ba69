#include "resample_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define TARGET_AVX2 __attribute__((target("avx2")))

// Pixels that one 16-byte load serves.
static int group_of(int channels) { return channels == 2 ? 8 : 4; }

// Which pixel and channel word `word` of a group holds: neighbours in pairs, since the multiply-add joins pairs.
static void place_of(int channels, int word, int *pixel, int *channel) {
    const int upper = word / 8, low = word % 8;
    if (channels == 2) {
        *pixel = 4 * upper + 2 * (low / 4) + low % 2;
        *channel = low % 4 / 2;
    } else {
        *pixel = 2 * upper + low % 2;
        *channel = low / 2;
    }
}

size_t isomer_resample_packed_bytes_avx2(const isomer_resample_filter *filter, int channels) {
    if (channels == 0) return 0;
    const size_t group = (size_t)group_of(channels);
    return filter->outputs * ((filter->capacity + group - 1) / group) * 64;
}

// Per output and group of pixels: 16 low halves, then 16 high halves.
void isomer_resample_pack_avx2(const isomer_resample_filter *filter, int channels, int16_t *packed) {
    if (channels == 0) return;
    const int group = group_of(channels);
    const size_t groups = (filter->capacity + (size_t)group - 1) / (size_t)group;
    for (size_t i = 0; i < filter->outputs; i++) {
        for (size_t g = 0; g < groups; g++, packed += 32) {
            for (int word = 0; word < 16; word++) {
                int pixel, channel;
                place_of(channels, word, &pixel, &channel);
                const size_t t = g * (size_t)group + (size_t)pixel;
                int32_t weight = 0;
                if (t < (size_t)filter->count[i] && channel < channels) weight = filter->weights[i * filter->capacity + t];
                const int16_t low = (int16_t)(weight & 0xFFFF);
                packed[word] = low;
                packed[16 + word] = (int16_t)((weight - low) >> 16);
            }
        }
    }
}

// sum = low products + high products · 2^16, exactly, modulo 2^32.
TARGET_AVX2 static inline __m128i fold(__m256i low, __m256i high, int channels) {
    const __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, 16));
    __m128i lanes = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    if (channels == 2) lanes = _mm_add_epi32(lanes, _mm_unpackhi_epi64(lanes, lanes));
    lanes = _mm_srai_epi32(_mm_add_epi32(lanes, _mm_set1_epi32(ROUNDING)), ISOMER_RESAMPLE_FRACTION_BITS);
    lanes = _mm_packs_epi32(lanes, lanes);
    return _mm_packus_epi16(lanes, lanes);
}

TARGET_AVX2 static inline void put(uint8_t *out, __m128i pixel, int channels) {
    const uint32_t value = (uint32_t)_mm_cvtsi128_si32(pixel);
    switch (channels) {
    case 2: memcpy(out, &value, 2); break;
    case 3:
        memcpy(out, &value, 2);
        out[2] = (uint8_t)(value >> 16);
        break;
    default: memcpy(out, &value, 4);
    }
}

// Four rows at a time share the loads of the weights.
TARGET_AVX2 static inline __attribute__((always_inline)) void rows_avx2_of(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, const int channels,
    const isomer_resample_filter *filter) {
    const int group = group_of(channels);
    const size_t groups = (filter->capacity + (size_t)group - 1) / (size_t)group;
    uint8_t order[32];
    for (int word = 0; word < 16; word++) {
        int pixel, channel;
        place_of(channels, word, &pixel, &channel);
        order[2 * word] = channel < channels ? (uint8_t)(pixel * channels + channel) : 0x80;
        order[2 * word + 1] = 0x80;
    }
    const __m256i shuffle = _mm256_loadu_si256((const __m256i *)order);
    const size_t step = (size_t)(group * channels);
    size_t y = 0;
    for (; y + 4 <= rows; y += 4, source += 4 * source_stride, target += 4 * target_stride) {
        for (size_t i = 0; i < filter->outputs; i++) {
            const int16_t *weights = (const int16_t *)filter->packed + i * groups * 32;
            const uint8_t *in = source + (size_t)filter->first[i] * (size_t)channels;
            const int used = (filter->count[i] + group - 1) / group;
            __m256i low0 = _mm256_setzero_si256(), low1 = low0, low2 = low0, low3 = low0;
            __m256i high0 = low0, high1 = low0, high2 = low0, high3 = low0;
            for (int g = 0; g < used; g++, in += step, weights += 32) {
                const __m256i low = _mm256_loadu_si256((const __m256i *)weights);
                const __m256i high = _mm256_loadu_si256((const __m256i *)(weights + 16));
#define ROW(n) \
    { \
        const __m256i pixels = _mm256_shuffle_epi8( \
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(in + n * source_stride))), shuffle); \
        low##n = _mm256_add_epi32(low##n, _mm256_madd_epi16(pixels, low)); \
        high##n = _mm256_add_epi32(high##n, _mm256_madd_epi16(pixels, high)); \
    }
                ROW(0) ROW(1) ROW(2) ROW(3)
            }
            uint8_t *out = target + i * (size_t)channels;
            put(out, fold(low0, high0, channels), channels);
            put(out + target_stride, fold(low1, high1, channels), channels);
            put(out + 2 * target_stride, fold(low2, high2, channels), channels);
            put(out + 3 * target_stride, fold(low3, high3, channels), channels);
        }
    }
    for (; y < rows; y++, source += source_stride, target += target_stride) {
        for (size_t i = 0; i < filter->outputs; i++) {
            const int16_t *weights = (const int16_t *)filter->packed + i * groups * 32;
            const uint8_t *in = source + (size_t)filter->first[i] * (size_t)channels;
            const int used = (filter->count[i] + group - 1) / group;
            __m256i low0 = _mm256_setzero_si256(), high0 = low0;
            for (int g = 0; g < used; g++, in += step, weights += 32) {
                const __m256i low = _mm256_loadu_si256((const __m256i *)weights);
                const __m256i high = _mm256_loadu_si256((const __m256i *)(weights + 16));
                ROW(0)
            }
            put(target + i * (size_t)channels, fold(low0, high0, channels), channels);
        }
    }
#undef ROW
}

TARGET_AVX2 void isomer_resample_rows_avx2(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter) {
    switch (channels) {
    case 2: rows_avx2_of(source, source_stride, target, target_stride, rows, 2, filter); break;
    case 3: rows_avx2_of(source, source_stride, target, target_stride, rows, 3, filter); break;
    default: rows_avx2_of(source, source_stride, target, target_stride, rows, 4, filter);
    }
}

TARGET_AVX2 static inline __m256i finish_avx2(__m256i low, __m256i high) {
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(low, _mm256_slli_epi32(high, 16)), _mm256_set1_epi32(ROUNDING));
    return _mm256_srai_epi32(sum, ISOMER_RESAMPLE_FRACTION_BITS);
}

// Two rows at a time: their bytes are interleaved, widened and multiplied with a pair of weights. Answers how many bytes of a row it made.
TARGET_AVX2 size_t isomer_resample_columns_avx2(
    const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output, size_t rows,
    size_t row_bytes, const isomer_resample_filter *filter) {
    const size_t whole = row_bytes / 32 * 32;
    for (size_t y = 0; y < rows; y++, target += target_stride) {
        const size_t i = first_output + y;
        const int32_t *weights = filter->weights + i * filter->capacity;
        const int count = filter->count[i];
        const uint8_t *base = source + (ptrdiff_t)filter->first[i] * source_stride;
        for (size_t x = 0; x < whole; x += 32) {
            const uint8_t *in = base + x;
            __m256i low[4], high[4];
            for (int k = 0; k < 4; k++) low[k] = high[k] = _mm256_setzero_si256();
            for (int t = 0; t < count; t += 2, in += 2 * source_stride) {
                const int has_second = t + 1 < count;
                const int32_t w0 = weights[t], w1 = has_second ? weights[t + 1] : 0;
                const int16_t l0 = (int16_t)(w0 & 0xFFFF), l1 = (int16_t)(w1 & 0xFFFF);
                const int16_t h0 = (int16_t)((w0 - l0) >> 16), h1 = (int16_t)((w1 - l1) >> 16);
                const __m256i wl = _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)l0 | (uint32_t)(uint16_t)l1 << 16));
                const __m256i wh = _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)h0 | (uint32_t)(uint16_t)h1 << 16));
                // The row after the last one need not exist, and counts for nothing.
                const uint8_t *next = has_second ? in + source_stride : in;
                const __m256i a = _mm256_loadu_si256((const __m256i *)in), b = _mm256_loadu_si256((const __m256i *)next);
                const __m256i zero = _mm256_setzero_si256();
                // Within each half of the register: bytes 0-7 and 8-15 of both rows, alternating.
                const __m256i first = _mm256_unpacklo_epi8(a, b), second = _mm256_unpackhi_epi8(a, b);
                const __m256i part[4] = {
                    _mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero), _mm256_unpacklo_epi8(second, zero),
                    _mm256_unpackhi_epi8(second, zero)};
                for (int k = 0; k < 4; k++) {
                    low[k] = _mm256_add_epi32(low[k], _mm256_madd_epi16(part[k], wl));
                    high[k] = _mm256_add_epi32(high[k], _mm256_madd_epi16(part[k], wh));
                }
            }
            // Packing works within halves too, so the bytes come out in their places.
            const __m256i words0 = _mm256_packs_epi32(finish_avx2(low[0], high[0]), finish_avx2(low[1], high[1]));
            const __m256i words1 = _mm256_packs_epi32(finish_avx2(low[2], high[2]), finish_avx2(low[3], high[3]));
            _mm256_storeu_si256((__m256i *)(target + x), _mm256_packus_epi16(words0, words1));
        }
    }
    return whole;
}

#endif
