// One level's work on blocks.
#ifndef ISOMER_BLOCKS_KERNELS_H
#define ISOMER_BLOCKS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "cast_formats.h"
#include "isomer_blocks.h"

// Numbers need not be aligned, in files and in callers' buffers.
typedef float __attribute__((aligned(1), may_alias)) any_f32;
typedef uint16_t __attribute__((aligned(1), may_alias)) any_half;

// How blocks lie in files, without padding: the arrays follow each other and no member needs alignment. Scales are binary16.
//
// Reference: ggml-org/ggml, src/ggml-common.h (v0.13.1).
enum { SMALL_BLOCK = 32, LARGE_BLOCK = 256 };

typedef struct {
    uint8_t scale[2], low[16];
} block_q4_0;
typedef struct {
    uint8_t scale[2], least[2], low[16];
} block_q4_1;
typedef struct {
    uint8_t scale[2], high[4], low[16];
} block_q5_0;
typedef struct {
    uint8_t scale[2], least[2], high[4], low[16];
} block_q5_1;
typedef struct {
    uint8_t scale[2];
    int8_t number[32];
} block_q8_0;
typedef struct {
    uint8_t scales[16], low[64], scale[2], least[2];
} block_q2_k;
typedef struct {
    uint8_t high[32], low[64], scales[12], scale[2];
} block_q3_k;
typedef struct {
    uint8_t scale[2], least[2], scales[12], low[128];
} block_q4_k;
typedef struct {
    uint8_t scale[2], least[2], scales[12], high[32], low[128];
} block_q5_k;
typedef struct {
    uint8_t low[128], high[64];
    int8_t scales[16];
    uint8_t scale[2];
} block_q6_k;

typedef void (*dequantizer)(const uint8_t *blocks, any_f32 *elements, size_t block_count);
typedef void (*quantizer)(const any_f32 *elements, uint8_t *blocks, size_t block_count);

typedef struct {
    dequantizer dequantize[ISOMER_BLOCK_TYPE_COUNT];
    // NULL for the types that are only read.
    quantizer quantize[ISOMER_BLOCK_TYPE_COUNT];
    void (*error)(const any_f32 *elements, const any_f32 *restored, size_t count, isomer_block_error *error);
} block_kernels;

const block_kernels *isomer_block_kernels_baseline(void);
#if defined(__x86_64__)
const block_kernels *isomer_block_kernels_avx2(void);
const block_kernels *isomer_block_kernels_avx512(void);
#endif

INLINE float half_value(const uint8_t *bytes) { return float_of(decode((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8, F16)); }

// Stores `value` as binary16 and returns it as stored.
INLINE float store_half(uint8_t *bytes, float value) {
    block_counts ignored = {0, 0, 0};
    const uint32_t code = encode(bits_of(value), F16, &ignored);
    bytes[0] = (uint8_t)code;
    bytes[1] = (uint8_t)(code >> 8);
    return float_of(decode(code, F16));
}

// The six bits of scale and minimum `index` of Q4_K and Q5_K. The last four have their upper two bits above the first eight bytes' sixes.
INLINE void scale_and_least(const uint8_t scales[12], int index, uint8_t *scale, uint8_t *least) {
    if (index < 4) {
        *scale = scales[index] & 63;
        *least = scales[index + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[index + 4] & 15) | scales[index - 4] >> 6 << 4);
        *least = (uint8_t)(scales[index + 4] >> 4 | scales[index] >> 6 << 4);
    }
}

// To the nearest integer, ties to even, as ggml rounds: right up to 2^22, and beyond that wrong in the same way.
INLINE int32_t nearest(float value) { return (int32_t)(bits_of(value + 12582912.0f) & 0x7FFFFFu) - 0x400000; }

INLINE int32_t clamped(int32_t value, int32_t least, int32_t most) { return value < least ? least : value > most ? most : value; }

// Towards zero. What does not fit, and NaN, gives the least integer, as on x86.
INLINE int32_t cut(float value) { return value > -2147483648.0f && value < 2147483648.0f ? (int32_t)value : INT32_MIN; }

#endif
