#include "isomer_crc32.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0xEDB88320u

// The "raw" sums below are without the inversion before and after.

// MARK: Tables

// TABLE[k][i] is the raw sum of byte i followed by k zero bytes. The sum is linear over GF(2), so an entry is the exclusive or of the
// entries of its bits, and a table follows from eight numbers: those of the bytes 1, 2, 4, ... 128.
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                                                  \
    (((i) & 1 ? a : 0) ^ ((i) & 2 ? b : 0) ^ ((i) & 4 ? c : 0) ^ ((i) & 8 ? d : 0) ^ ((i) & 16 ? e : 0) ^ ((i) & 32 ? f : 0) ^            \
     ((i) & 64 ? g : 0) ^ ((i) & 128 ? h : 0))
#define ENTRIES_4(i, ...) ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), ENTRY(i + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                                                                \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4(i + 4, __VA_ARGS__), ENTRIES_4(i + 8, __VA_ARGS__), ENTRIES_4(i + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                                                \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16(i + 16, __VA_ARGS__), ENTRIES_16(i + 32, __VA_ARGS__), ENTRIES_16(i + 48, __VA_ARGS__)
#define TABLE_OF(...)                                                                                                                     \
    {ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__)}

static const uint32_t TABLE[8][256] = {
    TABLE_OF(0x77073096u, 0xEE0E612Cu, 0x076DC419u, 0x0EDB8832u, 0x1DB71064u, 0x3B6E20C8u, 0x76DC4190u, 0xEDB88320u),
    TABLE_OF(0x191B3141u, 0x32366282u, 0x646CC504u, 0xC8D98A08u, 0x4AC21251u, 0x958424A2u, 0xF0794F05u, 0x3B83984Bu),
    TABLE_OF(0x01C26A37u, 0x0384D46Eu, 0x0709A8DCu, 0x0E1351B8u, 0x1C26A370u, 0x384D46E0u, 0x709A8DC0u, 0xE1351B80u),
    TABLE_OF(0xB8BC6765u, 0xAA09C88Bu, 0x8F629757u, 0xC5B428EFu, 0x5019579Fu, 0xA032AF3Eu, 0x9B14583Du, 0xED59B63Bu),
    TABLE_OF(0x3D6029B0u, 0x7AC05360u, 0xF580A6C0u, 0x30704BC1u, 0x60E09782u, 0xC1C12F04u, 0x58F35849u, 0xB1E6B092u),
    TABLE_OF(0xCB5CD3A5u, 0x4DC8A10Bu, 0x9B914216u, 0xEC53826Du, 0x03D6029Bu, 0x07AC0536u, 0x0F580A6Cu, 0x1EB014D8u),
    TABLE_OF(0xA6770BB4u, 0x979F1129u, 0xF44F2413u, 0x33EF4E67u, 0x67DE9CCEu, 0xCFBD399Cu, 0x440B7579u, 0x8816EAF2u),
    TABLE_OF(0xCCAA009Eu, 0x4225077Du, 0x844A0EFAu, 0xD3E51BB5u, 0x7CBB312Bu, 0xF9766256u, 0x299DC2EDu, 0x533B85DAu),
};

// Slicing by eight: eight independent look-ups instead of eight that wait for each other.
static uint32_t crc32_tables(uint32_t raw, const uint8_t *p, size_t count) {
    for (; count >= 8; p += 8, count -= 8) {
        const uint32_t low = raw ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        raw = TABLE[7][low & 255] ^ TABLE[6][low >> 8 & 255] ^ TABLE[5][low >> 16 & 255] ^ TABLE[4][low >> 24] ^ TABLE[3][p[4]] ^
              TABLE[2][p[5]] ^ TABLE[1][p[6]] ^ TABLE[0][p[7]];
    }
    for (; count > 0; p++, count--) raw = raw >> 8 ^ TABLE[0][(raw ^ *p) & 255];
    return raw;
}

// MARK: Carry-less multiplication

#if defined(__x86_64__)
#include <immintrin.h>

// Folding: 128 bits of message at distance D before the end of what is being summed may be replaced by their product with x^D modulo the
// polynomial, added to the 128 bits there. Each half is multiplied by its own constant: x^(D+32) for the first eight bytes, x^(D-32) for
// the others, bit-reflected and shifted left by one.
// Reference: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
#define FOLD_128 0x0ccaa009eLL, 0x1751997d0LL
#define FOLD_512 0x1c6e41596LL, 0x154442bd4LL
#define FOLD_2048 0x1322d1430LL, 0x11542778aLL

#define TARGET_PCLMUL __attribute__((target("pclmul,sse4.1")))
#define TARGET_VPCLMUL __attribute__((target("pclmul,sse4.1,vpclmulqdq,avx512f,avx512bw,avx512dq,avx512vl")))

TARGET_PCLMUL static inline __m128i fold(__m128i sum, __m128i constants, __m128i next) {
    const __m128i first = _mm_clmulepi64_si128(sum, constants, 0x00);
    const __m128i second = _mm_clmulepi64_si128(sum, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

// The sum of the folded 16 bytes is the sum of everything before them.
TARGET_PCLMUL static inline uint32_t finish(__m128i sum, const uint8_t *p, size_t count) {
    const __m128i by_128 = _mm_set_epi64x(FOLD_128);
    for (; count >= 16; p += 16, count -= 16) sum = fold(sum, by_128, _mm_loadu_si128((const __m128i *)p));
    uint8_t bytes[16];
    _mm_storeu_si128((__m128i *)bytes, sum);
    return crc32_tables(crc32_tables(0, bytes, 16), p, count);
}

// Needs count >= 64.
TARGET_PCLMUL static uint32_t crc32_pclmul(uint32_t raw, const uint8_t *p, size_t count) {
    const __m128i by_512 = _mm_set_epi64x(FOLD_512), by_128 = _mm_set_epi64x(FOLD_128);
    __m128i a = _mm_xor_si128(_mm_loadu_si128((const __m128i *)p), _mm_cvtsi32_si128((int)raw));
    __m128i b = _mm_loadu_si128((const __m128i *)(p + 16));
    __m128i c = _mm_loadu_si128((const __m128i *)(p + 32));
    __m128i d = _mm_loadu_si128((const __m128i *)(p + 48));
    for (p += 64, count -= 64; count >= 64; p += 64, count -= 64) {
        a = fold(a, by_512, _mm_loadu_si128((const __m128i *)p));
        b = fold(b, by_512, _mm_loadu_si128((const __m128i *)(p + 16)));
        c = fold(c, by_512, _mm_loadu_si128((const __m128i *)(p + 32)));
        d = fold(d, by_512, _mm_loadu_si128((const __m128i *)(p + 48)));
    }
    return finish(fold(fold(fold(a, by_128, b), by_128, c), by_128, d), p, count);
}

TARGET_VPCLMUL static inline __m512i fold_wide(__m512i sum, __m512i constants, __m512i next) {
    const __m512i first = _mm512_clmulepi64_epi128(sum, constants, 0x00);
    const __m512i second = _mm512_clmulepi64_epi128(sum, constants, 0x11);
    return _mm512_ternarylogic_epi64(first, second, next, 0x96);  // exclusive or of three
}

// Needs count >= 256.
TARGET_VPCLMUL static uint32_t crc32_vpclmul(uint32_t raw, const uint8_t *p, size_t count) {
    const __m512i by_2048 = _mm512_broadcast_i32x4(_mm_set_epi64x(FOLD_2048));
    const __m512i by_512 = _mm512_broadcast_i32x4(_mm_set_epi64x(FOLD_512));
    const __m128i by_128 = _mm_set_epi64x(FOLD_128);
    __m512i a = _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)raw)));
    __m512i b = _mm512_loadu_si512(p + 64);
    __m512i c = _mm512_loadu_si512(p + 128);
    __m512i d = _mm512_loadu_si512(p + 192);
    for (p += 256, count -= 256; count >= 256; p += 256, count -= 256) {
        a = fold_wide(a, by_2048, _mm512_loadu_si512(p));
        b = fold_wide(b, by_2048, _mm512_loadu_si512(p + 64));
        c = fold_wide(c, by_2048, _mm512_loadu_si512(p + 128));
        d = fold_wide(d, by_2048, _mm512_loadu_si512(p + 192));
    }
    a = fold_wide(fold_wide(fold_wide(a, by_512, b), by_512, c), by_512, d);
    for (; count >= 64; p += 64, count -= 64) a = fold_wide(a, by_512, _mm512_loadu_si512(p));
    __m128i sum = _mm512_extracti32x4_epi32(a, 0);
    sum = fold(sum, by_128, _mm512_extracti32x4_epi32(a, 1));
    sum = fold(sum, by_128, _mm512_extracti32x4_epi32(a, 2));
    sum = fold(sum, by_128, _mm512_extracti32x4_epi32(a, 3));
    return finish(sum, p, count);
}
#endif

// MARK: arm64

#if defined(__aarch64__)
#include <arm_acle.h>

#if defined(__ARM_FEATURE_CRC32)
#define TARGET_CRC
#else
#define TARGET_CRC __attribute__((target("crc")))
#endif

TARGET_CRC static uint32_t crc32_arm(uint32_t raw, const uint8_t *p, size_t count) {
    for (; count >= 32; p += 32, count -= 32) {
        uint64_t words[4];
        memcpy(words, p, 32);
        raw = __crc32d(__crc32d(__crc32d(__crc32d(raw, words[0]), words[1]), words[2]), words[3]);
    }
    for (; count > 0; p++, count--) raw = __crc32b(raw, *p);
    return raw;
}
#endif

// MARK: Entry points

uint32_t isomer_crc32(isomer_level level, uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512 && count >= 256) return ~crc32_vpclmul(~crc, p, count);
    if (level >= ISOMER_LEVEL_AVX2 && count >= 64) return ~crc32_pclmul(~crc, p, count);
#elif defined(__aarch64__)
    if (level >= ISOMER_LEVEL_AVX2) return ~crc32_arm(~crc, p, count);
#endif
    return ~crc32_tables(~crc, p, count);
}

// The product of two polynomials modulo the CRC's. Bit 31 is the coefficient of x^0.
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b >> 1 ^ (POLYNOMIAL & -(b & 1));
    }
    return product;
}

uint32_t isomer_crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t count_b) {
    // Appending n bytes multiplies by x^(8n). The inversions before and after cancel out.
    uint32_t power = 0x00800000u;  // x^8
    uint32_t sum = crc_a;
    for (uint64_t n = count_b; n != 0; n >>= 1) {
        if (n & 1) sum = multiply(sum, power);
        power = multiply(power, power);
    }
    return sum ^ crc_b;
}
