#include "isomer_merge.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

INLINE void weighted_sum(const float *const *inputs, const float *weights, size_t inputs_count, float *output, size_t count) {
    // In blocks, so that the output stays in the cache between two inputs.
    enum { BLOCK = 2048 };
    for (size_t start = 0; start < count; start += BLOCK) {
        const size_t n = count - start < BLOCK ? count - start : BLOCK;
        float sum[BLOCK];
        const float first = weights[0];
        for (size_t i = 0; i < n; i++) sum[i] = first * inputs[0][start + i];
        for (size_t k = 1; k < inputs_count; k++) {
            const float weight = weights[k];
            const float *input = inputs[k] + start;
            for (size_t i = 0; i < n; i++) sum[i] += weight * input[i];
        }
        for (size_t i = 0; i < n; i++) output[start + i] = sum[i];
    }
}

INLINE double dot(const float *a, const float *b, size_t count) {
    double sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t k = 0; k < 8; k++) sums[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < count; i++) sums[0] += (double)a[i] * (double)b[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

INLINE double dot_f64(const double *a, const double *b, size_t count) {
    double sums[16] = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (size_t k = 0; k < 16; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < count; i++) sums[0] += a[i] * b[i];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++) sums[k] += sums[k + half];
    return sums[0];
}

INLINE void add_f64(double factor, const double *restrict x, double *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

#if defined(__x86_64__)
#define LEVEL(NAME, TARGET)                                                                                                                \
    __attribute__((target(TARGET))) static void weighted_sum_##NAME(const float *const *inputs, const float *weights, size_t inputs_count, \
                                                                    float *output, size_t count) {                                         \
        weighted_sum(inputs, weights, inputs_count, output, count);                                                                        \
    }                                                                                                                                      \
    __attribute__((target(TARGET))) static double dot_##NAME(const float *a, const float *b, size_t count) { return dot(a, b, count); }    \
    __attribute__((target(TARGET))) static double dot_f64_##NAME(const double *a, const double *b, size_t count) {                         \
        return dot_f64(a, b, count);                                                                                                       \
    }                                                                                                                                      \
    __attribute__((target(TARGET))) static void add_f64_##NAME(double factor, const double *x, double *y, size_t count) {                  \
        add_f64(factor, x, y, count);                                                                                                      \
    }

LEVEL(avx2, "avx2")
LEVEL(avx512, "avx2,avx512f,avx512dq,avx512vl,avx512bw")

#define DISPATCH(CALL, ...)                                                                                                                \
    if (level >= ISOMER_LEVEL_AVX512) return CALL##_avx512(__VA_ARGS__);                                                                   \
    if (level >= ISOMER_LEVEL_AVX2) return CALL##_avx2(__VA_ARGS__);
#else
#define DISPATCH(CALL, ...)
#endif

void isomer_weighted_sum(isomer_level level, const float *const *inputs, const float *weights, size_t inputs_count, float *output,
                         size_t count) {
    (void)level;
    DISPATCH(weighted_sum, inputs, weights, inputs_count, output, count)
    weighted_sum(inputs, weights, inputs_count, output, count);
}

double isomer_dot(isomer_level level, const float *a, const float *b, size_t count) {
    (void)level;
    DISPATCH(dot, a, b, count)
    return dot(a, b, count);
}

double isomer_dot_f64(isomer_level level, const double *a, const double *b, size_t count) {
    (void)level;
    DISPATCH(dot_f64, a, b, count)
    return dot_f64(a, b, count);
}

void isomer_add_f64(isomer_level level, double factor, const double *x, double *y, size_t count) {
    (void)level;
    DISPATCH(add_f64, factor, x, y, count)
    add_f64(factor, x, y, count);
}

// Reference: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, as a function of its counter.
static inline uint32_t random_bits(uint64_t key, uint64_t place) {
    uint64_t z = key + (place + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

void isomer_combine_task_vectors(const isomer_task_vectors *job, const float *base, const float *const *inputs, size_t inputs_count,
                                 uint64_t first, float *output, size_t count) {
    float changes[64];
    if (inputs_count > 64) return;
    for (size_t i = 0; i < count; i++) {
        const float origin = base[i];
        float sum = 0;
        for (size_t k = 0; k < inputs_count; k++) {
            float change = inputs[k][i] - origin;
            if (fabsf(change) < job->thresholds[k]) change = 0;
            if (job->keys != NULL) change = random_bits(job->keys[k], first + i) < job->kept ? change * job->rescale : 0;
            changes[k] = job->weights[k] * change;
            sum += changes[k];
        }
        if (job->elects_sign || job->normalizes) {
            const bool is_negative = sum < 0;
            float total = 0;
            sum = 0;
            for (size_t k = 0; k < inputs_count; k++) {
                if (changes[k] == 0 || (job->elects_sign && (changes[k] < 0) != is_negative)) continue;
                sum += changes[k];
                total += job->weights[k];
            }
            if (job->normalizes) sum = total != 0 ? sum / total : 0;
        }
        output[i] = origin + job->scale * sum;
    }
}
