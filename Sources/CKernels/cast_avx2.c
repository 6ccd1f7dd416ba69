#if defined(__x86_64__)
#include <immintrin.h>

#include "cast_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define HAS_F16_LOOPS
#define HAS_BF16_LOOP

static void f16_to_f32(const void *source, any_u32 *destination, size_t count, block_counts *counts) {
    (void)counts;
    const any_u16 *in = source;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps((float *)(destination + i), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i))));
    for (; i < count; i++) destination[i] = decode(in[i], F16);
}

// How many of eight comparisons hold. A comparison gives -1 for true.
static uint32_t count_true(__m256i comparisons) { return (uint32_t)__builtin_popcount((uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(comparisons))); }

static void f32_to_f16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    // From 65520 on a number rounds to infinity; up to 2^-25 to zero.
    const __m256i below_over = _mm256_set1_epi32(0x477FEFFF), infinity = _mm256_set1_epi32(0x7F800000);
    const __m256i above_flush = _mm256_set1_epi32(0x33000001), zero = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256i bits = _mm256_loadu_si256((const __m256i *)(in + i));
        const __m256i value = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF));
        const __m256i over = _mm256_cmpgt_epi32(value, below_over);
        const __m256i flushed = _mm256_and_si256(_mm256_cmpgt_epi32(above_flush, value), _mm256_cmpgt_epi32(value, zero));
        const __m256i seldom = _mm256_or_si256(over, flushed);
        if (__builtin_expect(!_mm256_testz_si256(seldom, seldom), 0)) {
            counts->overflowed += count_true(_mm256_and_si256(over, _mm256_cmpgt_epi32(infinity, value)));
            counts->flushed += count_true(flushed);
        }
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_castsi256_ps(bits), _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < count; i++) out[i] = (uint16_t)encode(in[i], F16, counts);
}

// Eight numbers rounded, each in the lower half of its lane.
static inline __m256i bf16_lanes(const any_u32 *in, block_counts *counts) {
    const __m256i bits = _mm256_loadu_si256((const __m256i *)in);
    const __m256i value = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF)), infinity = _mm256_set1_epi32(0x7F800000);
    const __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), even);
    const __m256i rounded = _mm256_srli_epi32(sum, 16);
    const __m256i over = _mm256_cmpgt_epi32(value, _mm256_set1_epi32(0x7F7F7FFF));
    const __m256i flushed = _mm256_and_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(0x8001), value), _mm256_cmpgt_epi32(value, _mm256_setzero_si256()));
    const __m256i seldom = _mm256_or_si256(over, flushed);
    if (__builtin_expect(_mm256_testz_si256(seldom, seldom), 1)) return rounded;
    counts->overflowed += count_true(_mm256_and_si256(over, _mm256_cmpgt_epi32(infinity, value)));
    counts->flushed += count_true(flushed);
    const __m256i is_nan = _mm256_cmpgt_epi32(value, infinity);
    return _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0xFFFF), is_nan);
}

static void f32_to_bf16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        // Packing goes by halves of the register, so the quarters come out as 0 2 1 3.
        const __m256i packed = _mm256_packus_epi32(bf16_lanes(in + i, counts), bf16_lanes(in + i + 8, counts));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_permute4x64_epi64(packed, 0xD8));
    }
    for (; i < count; i++) out[i] = (uint16_t)encode_bf16(in[i], 0xFFFFu, counts);
}

#define KERNELS isomer_cast_kernels_avx2
#include "cast_kernels.inc"

#pragma clang attribute pop
#endif
