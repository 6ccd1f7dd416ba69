#if defined(__x86_64__)
#include <immintrin.h>

#include "cast_kernels.h"

// AVX512_BF16's own conversion is of no use here: it takes subnormal numbers for zero.
#pragma clang attribute push(__attribute__((target("avx2,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define HAS_F16_LOOPS
#define HAS_BF16_LOOP

static void f16_to_f32(const void *source, any_u32 *destination, size_t count, block_counts *counts) {
    (void)counts;
    const any_u16 *in = source;
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        _mm512_storeu_ps(destination + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(in + i))));
    for (; i < count; i++) destination[i] = decode(in[i], F16);
}

static void f32_to_f16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    // From 65520 on a number rounds to infinity; up to 2^-25 to zero.
    const __m512i over = _mm512_set1_epi32(0x477FF000), over_range = _mm512_set1_epi32(0x7F800000 - 0x477FF000);
    const __m512i one = _mm512_set1_epi32(1), flush_range = _mm512_set1_epi32(0x33000000);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m512i bits = _mm512_loadu_si512(in + i);
        const __m512i value = _mm512_and_si512(bits, _mm512_set1_epi32(0x7FFFFFFF));
        const __mmask16 overflowed = _mm512_cmplt_epu32_mask(_mm512_sub_epi32(value, over), over_range);
        const __mmask16 flushed = _mm512_cmplt_epu32_mask(_mm512_sub_epi32(value, one), flush_range);
        // Almost always there is nothing to count.
        if (__builtin_expect(!_mm512_kortestz(overflowed, flushed), 0)) {
            counts->overflowed += (uint32_t)__builtin_popcount(overflowed);
            counts->flushed += (uint32_t)__builtin_popcount(flushed);
        }
        _mm256_storeu_si256((__m256i *)(out + i), _mm512_cvtps_ph(_mm512_castsi512_ps(bits), _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < count; i++) out[i] = (uint16_t)encode(in[i], F16, counts);
}

static void f32_to_bf16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    // From 0x7F7F8000 on a number rounds to infinity; up to 0x8000 to zero.
    const __m512i over = _mm512_set1_epi32(0x7F7F8000), over_range = _mm512_set1_epi32(0x7F800000 - 0x7F7F8000);
    const __m512i one = _mm512_set1_epi32(1), flush_range = _mm512_set1_epi32(0x8000);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m512i bits = _mm512_loadu_si512(in + i);
        const __m512i value = _mm512_and_si512(bits, _mm512_set1_epi32(0x7FFFFFFF));
        const __m512i even = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
        const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), even);
        __m512i rounded = _mm512_srli_epi32(sum, 16);
        const __mmask16 high = _mm512_cmpge_epu32_mask(value, over);
        const __mmask16 flushed = _mm512_cmplt_epu32_mask(_mm512_sub_epi32(value, one), flush_range);
        if (__builtin_expect(!_mm512_kortestz(high, flushed), 0)) {
            counts->overflowed += (uint32_t)__builtin_popcount(_mm512_cmplt_epu32_mask(_mm512_sub_epi32(value, over), over_range));
            counts->flushed += (uint32_t)__builtin_popcount(flushed);
            const __mmask16 is_nan = _mm512_cmpgt_epu32_mask(value, _mm512_set1_epi32(0x7F800000));
            rounded = _mm512_mask_mov_epi32(rounded, is_nan, _mm512_set1_epi32(0xFFFF));
        }
        _mm256_storeu_si256((__m256i *)(out + i), _mm512_cvtepi32_epi16(rounded));
    }
    for (; i < count; i++) out[i] = (uint16_t)encode_bf16(in[i], 0xFFFFu, counts);
}

#define KERNELS isomer_cast_kernels_avx512
#include "cast_kernels.inc"

#pragma clang attribute pop
#endif
