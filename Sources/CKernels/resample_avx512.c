#include "resample_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")))

// A weight is three signed digits of 8 bits, so that one instruction multiplies 64 pixels' bytes with as many digits and adds the products
// in fours: weight = d0 + d1 · 2^8 + d2 · 2^16. All sums wrap at 2^32 like the baseline's.
enum { DIGITS = 3, LARGEST = 0x7F7F7F };

static void digits_of(int32_t weight, int8_t digits[DIGITS]) {
    digits[0] = (int8_t)(weight & 0xFF);
    weight = (weight - digits[0]) >> 8;
    digits[1] = (int8_t)(weight & 0xFF);
    digits[2] = (int8_t)((weight - digits[1]) >> 8);
}

bool isomer_resample_suits_avx512(const isomer_resample_filter *filter, int channels) {
    if (channels == 2) return false;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512vbmi") || !__builtin_cpu_supports("avx512vnni")) return false;
    // Boxes much narrower than a pixel can make weights that three digits do not hold.
    for (size_t i = 0; i < filter->outputs * filter->capacity; i++)
        if (filter->weights[i] > LARGEST || filter->weights[i] < -LARGEST) return false;
    return true;
}

// Pixels that one 64-byte load serves: 60 bytes of RGB, 64 of RGBA.
static inline int group_of(int channels) { return channels == 3 ? 20 : 16; }

// Which tap and channel byte `byte` of a group holds. Four neighbouring pixels of one channel share a lane of 32 bits. Of RGBA, 16 lanes
// hold 16 pixels; of RGB the fifth four of pixels fills the lanes that RGBA's alpha has, and the last lane is empty (channel 3).
static void place_of(int channels, int byte, int *tap, int *channel) {
    const int lane = byte / 4, within = byte % 4;
    *tap = lane / 4 * 4 + within;
    *channel = lane % 4;
    if (channels == 3 && *channel == 3 && lane < 12) {
        *tap = 16 + within;
        *channel = lane / 4;
    }
}

size_t isomer_resample_packed_bytes_avx512(const isomer_resample_filter *filter, int channels) {
    if (channels == 0) return filter->outputs * ((filter->capacity + 3) / 4) * DIGITS * 4;
    const size_t group = (size_t)group_of(channels);
    return filter->outputs * ((filter->capacity + group - 1) / group) * DIGITS * 64;
}

// Columns: per output and four taps, each digit of the four. Rows: per output and group, each digit of all 64 bytes.
void isomer_resample_pack_avx512(const isomer_resample_filter *filter, int channels, int8_t *packed) {
    const size_t group = channels == 0 ? 4 : (size_t)group_of(channels), bytes = channels == 0 ? 4 : 64;
    const size_t groups = (filter->capacity + group - 1) / group;
    for (size_t i = 0; i < filter->outputs; i++) {
        for (size_t g = 0; g < groups; g++, packed += DIGITS * bytes) {
            for (size_t byte = 0; byte < bytes; byte++) {
                int tap = (int)byte, channel = 0;
                if (channels != 0) place_of(channels, (int)byte, &tap, &channel);
                const size_t t = g * group + (size_t)tap;
                const int is_used = t < (size_t)filter->count[i] && (channels == 0 || channel < channels);
                int8_t digits[DIGITS];
                digits_of(is_used ? filter->weights[i * filter->capacity + t] : 0, digits);
                for (size_t d = 0; d < DIGITS; d++) packed[d * bytes + byte] = digits[d];
            }
        }
    }
}

TARGET_AVX512 static inline __m512i joined(const __m512i sums[DIGITS]) {
    return _mm512_add_epi32(sums[0], _mm512_add_epi32(_mm512_slli_epi32(sums[1], 8), _mm512_slli_epi32(sums[2], 16)));
}

// Four rows at a time share the loads of the weights; where fewer are left, the last one is done again.
TARGET_AVX512 static inline __attribute__((always_inline)) void rows_of(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, const int channels,
    const isomer_resample_filter *filter) {
    const int group = group_of(channels);
    const size_t groups = (filter->capacity + (size_t)group - 1) / (size_t)group;
    const size_t step = (size_t)(group * channels);
    uint8_t order[64];
    for (int byte = 0; byte < 64; byte++) {
        int tap, channel;
        place_of(channels, byte, &tap, &channel);
        order[byte] = channel < channels ? (uint8_t)(tap * channels + channel) : 0;
    }
    const __m512i places = _mm512_loadu_si512(order);
    const __m512i fifth = _mm512_setr_epi32(3, 7, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (size_t y = 0; y < rows; y += 4) {
        const uint8_t *in[4];
        uint8_t *out[4];
        for (size_t n = 0; n < 4; n++) {
            const size_t row = y + n < rows ? y + n : rows - 1;
            in[n] = source + row * source_stride;
            out[n] = target + row * target_stride;
        }
        for (size_t i = 0; i < filter->outputs; i++) {
            const int8_t *weights = (const int8_t *)filter->packed + i * groups * DIGITS * 64;
            size_t place = (size_t)filter->first[i] * (size_t)channels;
            const int used = (filter->count[i] + group - 1) / group;
            __m512i sums[4][DIGITS];
            for (int n = 0; n < 4; n++)
                for (int d = 0; d < DIGITS; d++) sums[n][d] = _mm512_setzero_si512();
            for (int g = 0; g < used; g++, place += step, weights += DIGITS * 64) {
                const __m512i w0 = _mm512_loadu_si512(weights), w1 = _mm512_loadu_si512(weights + 64);
                const __m512i w2 = _mm512_loadu_si512(weights + 128);
                for (int n = 0; n < 4; n++) {
                    const __m512i pixels = _mm512_permutexvar_epi8(places, _mm512_loadu_si512(in[n] + place));
                    sums[n][0] = _mm512_dpbusd_epi32(sums[n][0], pixels, w0);
                    sums[n][1] = _mm512_dpbusd_epi32(sums[n][1], pixels, w1);
                    sums[n][2] = _mm512_dpbusd_epi32(sums[n][2], pixels, w2);
                }
            }
            __m512i row[4];
            for (int n = 0; n < 4; n++) {
                row[n] = joined(sums[n]);
                if (channels == 3) row[n] = _mm512_add_epi32(row[n], _mm512_maskz_permutexvar_epi32(7, fifth, row[n]));
            }
            // The four quarters of each register are added, for all four rows at once.
            const __m512i a = _mm512_add_epi32(
                _mm512_shuffle_i64x2(row[0], row[1], 0x44), _mm512_shuffle_i64x2(row[0], row[1], 0xEE));
            const __m512i b = _mm512_add_epi32(
                _mm512_shuffle_i64x2(row[2], row[3], 0x44), _mm512_shuffle_i64x2(row[2], row[3], 0xEE));
            __m512i sum = _mm512_add_epi32(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD));
            sum = _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(ROUNDING)), ISOMER_RESAMPLE_FRACTION_BITS);
            uint32_t pixels[4];
            _mm_storeu_si128((__m128i *)pixels, _mm512_cvtusepi32_epi8(_mm512_max_epi32(sum, _mm512_setzero_si512())));
            // A fourth byte is written over by the next pixel, but for the last one of a row.
            const size_t bytes = i + 1 < filter->outputs ? 4 : (size_t)channels;
            for (int n = 0; n < 4; n++, out[n - 1] += channels) {
                if (bytes == 4) memcpy(out[n], &pixels[n], 4);
                else memcpy(out[n], &pixels[n], (size_t)channels);
            }
        }
    }
}

TARGET_AVX512 void isomer_resample_rows_avx512(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t rows, int channels,
    const isomer_resample_filter *filter) {
    if (channels == 3) rows_of(source, source_stride, target, target_stride, rows, 3, filter);
    else rows_of(source, source_stride, target, target_stride, rows, 4, filter);
}

// Four rows at a time: their bytes are interleaved, so that each lane of 32 bits holds a column's four.
TARGET_AVX512 size_t isomer_resample_columns_avx512(
    const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output, size_t rows,
    size_t row_bytes, const isomer_resample_filter *filter) {
    const size_t groups = (filter->capacity + 3) / 4;
    for (size_t y = 0; y < rows; y++, target += target_stride) {
        const size_t i = first_output + y;
        const int count = filter->count[i];
        const uint8_t *base = source + (ptrdiff_t)filter->first[i] * source_stride;
        for (size_t x = 0; x < row_bytes; x += 64) {
            const __mmask64 mask = row_bytes - x >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (row_bytes - x)) - 1;
            const int8_t *weights = (const int8_t *)filter->packed + i * groups * DIGITS * 4;
            __m512i sums[4][DIGITS];
            for (int k = 0; k < 4; k++)
                for (int d = 0; d < DIGITS; d++) sums[k][d] = _mm512_setzero_si512();
            for (int t = 0; t < count; t += 4, weights += DIGITS * 4) {
                __m512i row[4];
                for (int n = 0; n < 4; n++) {
                    // Rows behind the last one need not exist; the last one counts for nothing in their place.
                    const int tap = t + n < count ? t + n : count - 1;
                    row[n] = _mm512_maskz_loadu_epi8(mask, base + tap * source_stride + (ptrdiff_t)x);
                }
                const __m512i low01 = _mm512_unpacklo_epi8(row[0], row[1]), high01 = _mm512_unpackhi_epi8(row[0], row[1]);
                const __m512i low23 = _mm512_unpacklo_epi8(row[2], row[3]), high23 = _mm512_unpackhi_epi8(row[2], row[3]);
                const __m512i part[4] = {
                    _mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23), _mm512_unpacklo_epi16(high01, high23),
                    _mm512_unpackhi_epi16(high01, high23)};
                for (int d = 0; d < DIGITS; d++) {
                    int32_t four;
                    memcpy(&four, weights + 4 * d, 4);
                    const __m512i weight = _mm512_set1_epi32(four);
                    for (int k = 0; k < 4; k++) sums[k][d] = _mm512_dpbusd_epi32(sums[k][d], part[k], weight);
                }
            }
            __m512i value[4];
            for (int k = 0; k < 4; k++) {
                value[k] = _mm512_srai_epi32(
                    _mm512_add_epi32(joined(sums[k]), _mm512_set1_epi32(ROUNDING)), ISOMER_RESAMPLE_FRACTION_BITS);
            }
            // Packing works within quarters too, so the bytes come out in their places.
            const __m512i bytes =
                _mm512_packus_epi16(_mm512_packs_epi32(value[0], value[1]), _mm512_packs_epi32(value[2], value[3]));
            _mm512_mask_storeu_epi8(target + x, mask, bytes);
        }
    }
    return row_bytes;
}

#endif
