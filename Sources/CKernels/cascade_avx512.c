#if defined(__x86_64__)

#include <immintrin.h>

#include "cascade_narrow.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq")))
#define SCAN isomer_cascade_scan_avx512
enum { LANES = 32 };
typedef __m512i WORDS;
typedef __m512 REALS;

#define ALL(x) _mm512_set1_epi16(x)
#define ALL_REAL(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE_REAL(p, v) _mm512_storeu_ps(p, v)
#define SUBTRACT(a, b) _mm512_sub_epi16(a, b)
#define ADD_REAL(a, b) _mm512_add_ps(a, b)
#define NOT_BELOW(a, b) (unsigned)_mm512_cmp_ps_mask(a, ALL_REAL(b), _CMP_NLT_UQ)

// Where a is at least b, without sign, `bit` is set.
#define WITH_BIT(code, a, b, bit) _mm512_mask_add_epi16(code, _mm512_cmpge_epu16_mask(a, b), code, ALL(bit))

// `in` where the set of 256 bits holds the code, else `out`.
TARGET static inline void leaves_of(__m512i code, const uint32_t set[8], float in, float out, __m512 *low, __m512 *high) {
    const __m512i words = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)set));
    const __m512i word = _mm512_permutexvar_epi16(_mm512_srli_epi16(code, 4), words);
    const __m512i bit = _mm512_sllv_epi16(ALL(1), _mm512_and_si512(code, ALL(15)));
    const __mmask32 held = _mm512_test_epi16_mask(word, bit);
    *low = _mm512_mask_blend_ps((__mmask16)held, ALL_REAL(out), ALL_REAL(in));
    *high = _mm512_mask_blend_ps((__mmask16)(held >> 16), ALL_REAL(out), ALL_REAL(in));
}

#include "cascade_narrow.inc"

#endif
