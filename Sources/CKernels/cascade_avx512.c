#if defined(__x86_64__)

#include <immintrin.h>

#include "cascade_wide.h"

#define TARGET __attribute__((target("avx512f,avx512dq")))
#define SCAN isomer_cascade_scan_avx512
enum { LANES = 16 };
typedef __m512i WORDS;
typedef __m512 REALS;

#define ALL(x) _mm512_set1_epi32(x)
#define ALL_REAL(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE_REAL(p, v) _mm512_storeu_ps(p, v)
#define SUBTRACT(a, b) _mm512_sub_epi32(a, b)
#define ADD_REAL(a, b) _mm512_add_ps(a, b)
#define NOT_BELOW(a, b) (unsigned)_mm512_cmp_ps_mask(a, ALL_REAL(b), _CMP_NLT_UQ)

TARGET static inline __m512i load_even(const uint32_t *p) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_epi32(LOAD(p), even, LOAD(p + 16));
}
#define LOAD_EVEN(p) load_even(p)

// Where a is at least b, without sign, `bit` is set.
#define WITH_BIT(code, a, b, bit) _mm512_mask_or_epi32(code, _mm512_cmpge_epu32_mask(a, b), code, ALL(bit))

// `in` where the set of 256 bits holds the code, else `out`.
TARGET static inline __m512 chosen(__m512i code, const uint32_t set[8], float in, float out) {
    const __m512i words = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)set));
    const __m512i word = _mm512_permutexvar_epi32(_mm512_srli_epi32(code, 5), words);
    const __m512i bit = _mm512_sllv_epi32(ALL(1), _mm512_and_si512(code, ALL(31)));
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(word, bit), ALL_REAL(out), ALL_REAL(in));
}
#define CHOSEN(code, set, in, out) chosen(code, set, in, out)

#include "cascade_wide.inc"

#endif
