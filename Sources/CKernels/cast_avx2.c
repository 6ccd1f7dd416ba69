#if defined(__x86_64__)
#include <immintrin.h>

#include "cast_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)

#define HAS_F16_LOOPS

static void f16_to_f32(const void *source, any_u32 *destination, size_t count, block_counts *counts) {
    (void)counts;
    const any_u16 *in = source;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps((float *)(destination + i), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i))));
    for (; i < count; i++) destination[i] = decode(in[i], F16);
}

static void f32_to_f16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    // From 65520 on a number rounds to infinity; up to 2^-25 to zero. A comparison gives -1 for true.
    const __m256i below_over = _mm256_set1_epi32(0x477FEFFF), infinity = _mm256_set1_epi32(0x7F800000);
    const __m256i above_flush = _mm256_set1_epi32(0x33000001), zero = _mm256_setzero_si256();
    __m256i overflowed = zero, flushed = zero;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256i bits = _mm256_loadu_si256((const __m256i *)(in + i));
        const __m256i value = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF));
        overflowed = _mm256_sub_epi32(
            overflowed, _mm256_and_si256(_mm256_cmpgt_epi32(value, below_over), _mm256_cmpgt_epi32(infinity, value)));
        flushed = _mm256_sub_epi32(flushed, _mm256_and_si256(_mm256_cmpgt_epi32(above_flush, value), _mm256_cmpgt_epi32(value, zero)));
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_castsi256_ps(bits), _MM_FROUND_TO_NEAREST_INT));
    }
    uint32_t lanes[16];
    _mm256_storeu_si256((__m256i *)lanes, overflowed);
    _mm256_storeu_si256((__m256i *)(lanes + 8), flushed);
    for (int lane = 0; lane < 8; lane++) {
        counts->overflowed += lanes[lane];
        counts->flushed += lanes[lane + 8];
    }
    for (; i < count; i++) out[i] = (uint16_t)encode(in[i], F16, counts);
}

#define KERNELS isomer_cast_kernels_avx2
#include "cast_kernels.inc"

#pragma clang attribute pop
#endif
