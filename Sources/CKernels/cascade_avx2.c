#if defined(__x86_64__)

#include <immintrin.h>

#include "cascade_wide.h"

#define TARGET __attribute__((target("avx2")))
#define SCAN isomer_cascade_scan_avx2
enum { LANES = 8 };
typedef __m256i WORDS;
typedef __m256 REALS;

#define ALL(x) _mm256_set1_epi32(x)
#define ALL_REAL(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_REAL(p, v) _mm256_storeu_ps(p, v)
#define SUBTRACT(a, b) _mm256_sub_epi32(a, b)
#define ADD_REAL(a, b) _mm256_add_ps(a, b)
#define NOT_BELOW(a, b) (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, ALL_REAL(b), _CMP_NLT_UQ))

TARGET static inline __m256i load_even(const uint32_t *p) {
    const __m256 pairs = _mm256_shuffle_ps(_mm256_loadu_ps((const float *)p), _mm256_loadu_ps((const float *)(p + 8)), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(pairs), 0xD8);
}
#define LOAD_EVEN(p) load_even(p)

// Where a is at least b, without sign, `bit` is set.
TARGET static inline __m256i with_bit(__m256i code, __m256i a, __m256i b, int bit) {
    return _mm256_or_si256(code, _mm256_and_si256(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a), ALL(bit)));
}
#define WITH_BIT(code, a, b, bit) with_bit(code, a, b, bit)

// `in` where the set of 256 bits holds the code, else `out`.
TARGET static inline __m256 chosen(__m256i code, const uint32_t set[8], float in, float out) {
    const __m256i word = _mm256_permutevar8x32_epi32(LOAD(set), _mm256_srli_epi32(code, 5));
    // The bit goes to the sign, which is what a blend looks at.
    const __m256i bit = _mm256_sllv_epi32(word, _mm256_sub_epi32(ALL(31), _mm256_and_si256(code, ALL(31))));
    return _mm256_blendv_ps(ALL_REAL(out), ALL_REAL(in), _mm256_castsi256_ps(bit));
}
#define CHOSEN(code, set, in, out) chosen(code, set, in, out)

#include "cascade_wide.inc"

#endif
