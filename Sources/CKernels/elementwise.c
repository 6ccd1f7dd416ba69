#include "isomer_elementwise.h"

// Fused multiplication and addition would round differently from level to level.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

INLINE void multiply(const float *a, const float *b, float *output, size_t count) {
    for (size_t i = 0; i < count; i++) output[i] = a[i] * b[i];
}

INLINE void scale_number(const float *input, float scale, float shift, float *output, size_t count) {
    for (size_t i = 0; i < count; i++) output[i] = input[i] * scale + shift;
}

INLINE void add_gated(const float *residual, const float *input, const float *gate, float *output, size_t rows, size_t channels) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < channels; c++) output[c] = residual[c] + gate[c] * input[c];
        residual += channels, input += channels, output += channels;
    }
}

INLINE void rotate(const float *input, const float *cosines, const float *sines, float *output, size_t heads, size_t pairs) {
    for (size_t h = 0; h < heads; h++) {
        for (size_t i = 0; i < pairs; i++) {
            const float x = input[2 * i], y = input[2 * i + 1];
            output[2 * i] = x * cosines[i] - y * sines[i];
            output[2 * i + 1] = y * cosines[i] + x * sines[i];
        }
        input += 2 * pairs, output += 2 * pairs;
    }
}

// The same text compiled for each level, and the function that chooses among them.
#if defined(__x86_64__)
#define DISPATCH(NAME, PARAMETERS, ...)                                                                                                    \
    __attribute__((target("avx2"))) static void NAME##_avx2 PARAMETERS { NAME(__VA_ARGS__); }                                              \
    __attribute__((target("avx2,avx512f,avx512dq,avx512vl,avx512bw"))) static void NAME##_avx512 PARAMETERS { NAME(__VA_ARGS__); }
#define CHOOSE(NAME, ...)                                                                                                                  \
    if (level >= ISOMER_LEVEL_AVX512) return NAME##_avx512(__VA_ARGS__);                                                                   \
    if (level >= ISOMER_LEVEL_AVX2) return NAME##_avx2(__VA_ARGS__);                                                                       \
    NAME(__VA_ARGS__)
#else
#define DISPATCH(NAME, PARAMETERS, ...)
#define CHOOSE(NAME, ...)                                                                                                                  \
    (void)level;                                                                                                                           \
    NAME(__VA_ARGS__)
#endif

DISPATCH(multiply, (const float *a, const float *b, float *output, size_t count), a, b, output, count)
DISPATCH(scale_number, (const float *input, float scale, float shift, float *output, size_t count), input, scale, shift, output, count)
DISPATCH(add_gated,
         (const float *residual, const float *input, const float *gate, float *output, size_t rows, size_t channels),
         residual, input, gate, output, rows, channels)
DISPATCH(rotate,
         (const float *input, const float *cosines, const float *sines, float *output, size_t heads, size_t pairs),
         input, cosines, sines, output, heads, pairs)

void isomer_multiply(isomer_level level, const float *a, const float *b, float *output, size_t count) {
    CHOOSE(multiply, a, b, output, count);
}

void isomer_scale_number(isomer_level level, const float *input, float scale, float shift, float *output, size_t count) {
    CHOOSE(scale_number, input, scale, shift, output, count);
}

void isomer_add_gated(isomer_level level, const float *residual, const float *input, const float *gate, float *output, size_t rows,
                      size_t channels) {
    CHOOSE(add_gated, residual, input, gate, output, rows, channels);
}

void isomer_rotate(isomer_level level, const float *input, const float *cosines, const float *sines, float *output, size_t heads,
                   size_t pairs) {
    CHOOSE(rotate, input, cosines, sines, output, heads, pairs);
}
