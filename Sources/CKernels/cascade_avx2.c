#if defined(__x86_64__)

#include <immintrin.h>

#include "cascade_narrow.h"

#define TARGET __attribute__((target("avx2")))
#define SCAN isomer_cascade_scan_avx2
enum { LANES = 16 };
typedef __m256i WORDS;
typedef __m256 REALS;

#define ALL(x) _mm256_set1_epi16(x)
#define ALL_REAL(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_REAL(p, v) _mm256_storeu_ps(p, v)
#define SUBTRACT(a, b) _mm256_sub_epi16(a, b)
#define ADD_REAL(a, b) _mm256_add_ps(a, b)
#define NOT_BELOW(a, b) (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, ALL_REAL(b), _CMP_NLT_UQ))

// Where a is at least b, without sign, `bit` is set.
TARGET static inline __m256i with_bit(__m256i code, __m256i a, __m256i b, short bit) {
    return _mm256_or_si256(code, _mm256_and_si256(_mm256_cmpeq_epi16(_mm256_max_epu16(a, b), a), ALL(bit)));
}
#define WITH_BIT(code, a, b, bit) with_bit(code, a, b, bit)

// `in` where the set of 256 bits holds the code, else `out`.
TARGET static inline void leaves_of(__m256i code, const uint32_t set[8], float in, float out, __m256 *low, __m256 *high) {
    // Which of the set's 32 bytes, 16 in each table; a shuffle answers 0 where the index's top bit is set, as it is in each upper byte.
    const __m256i byte = _mm256_or_si256(_mm256_srli_epi16(code, 3), ALL((short)0x8000));
    const __m256i first = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)set));
    const __m256i second = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(set + 4)));
    // 16 and more becomes 128 and more for the first table; less becomes that for the second.
    const __m256i bytes = _mm256_or_si256(
        _mm256_shuffle_epi8(first, _mm256_add_epi8(byte, ALL(112))), _mm256_shuffle_epi8(second, _mm256_sub_epi8(byte, ALL(16))));
    const __m256i powers = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i bit = _mm256_shuffle_epi8(powers, _mm256_or_si256(_mm256_and_si256(code, ALL(7)), ALL((short)0x8000)));
    const __m256i held = _mm256_cmpeq_epi16(_mm256_and_si256(bytes, bit), bit);
    const __m256 wide_low = _mm256_castsi256_ps(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(held)));
    const __m256 wide_high = _mm256_castsi256_ps(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(held, 1)));
    *low = _mm256_blendv_ps(ALL_REAL(out), ALL_REAL(in), wide_low);
    *high = _mm256_blendv_ps(ALL_REAL(out), ALL_REAL(in), wide_high);
}

#include "cascade_narrow.inc"

#endif
