#include "isomer_random.h"

#pragma STDC FP_CONTRACT OFF

// Reference: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, as a function of its counter.
static inline __attribute__((always_inline)) void random_normal(uint64_t key, uint64_t first, float scale, float shift,
                                                                float *restrict destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t z = key + (first + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        const uint64_t sum = (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48);
        destination[i] = (float)((int32_t)(uint32_t)sum - 2 * 0xFFFF) * scale + shift;
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void random_normal_avx2(uint64_t key, uint64_t first, float scale, float shift, float *destination,
                                                               size_t count) {
    random_normal(key, first, scale, shift, destination, count);
}

__attribute__((target("avx2,avx512f,avx512dq,avx512vl,avx512bw"))) static void random_normal_avx512(uint64_t key, uint64_t first,
                                                                                                     float scale, float shift,
                                                                                                     float *destination, size_t count) {
    random_normal(key, first, scale, shift, destination, count);
}
#endif

void isomer_random_normal(isomer_level level, uint64_t key, uint64_t first, float scale, float shift, float *destination, size_t count) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return random_normal_avx512(key, first, scale, shift, destination, count);
    if (level >= ISOMER_LEVEL_AVX2) return random_normal_avx2(key, first, scale, shift, destination, count);
#endif
    (void)level;
    random_normal(key, first, scale, shift, destination, count);
}
