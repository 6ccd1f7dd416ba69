// Block types: so many elements share a scale, as GGUF files hold them.
#ifndef ISOMER_BLOCKS_H
#define ISOMER_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

typedef enum {
    ISOMER_Q4_0,
    ISOMER_Q4_1,
    ISOMER_Q5_0,
    ISOMER_Q5_1,
    ISOMER_Q8_0,
    ISOMER_Q2_K,
    ISOMER_Q3_K,
    ISOMER_Q4_K,
    ISOMER_Q5_K,
    ISOMER_Q6_K,
    ISOMER_BLOCK_TYPE_COUNT,
} isomer_block_type;

// Elements and bytes of one block.
size_t isomer_block_elements(isomer_block_type type);
size_t isomer_block_bytes(isomer_block_type type);

// Writes the values of `count` elements, which fill whole blocks. Neither side needs alignment; they must not overlap.
void isomer_dequantize(isomer_level level, isomer_block_type type, const void *blocks, float *elements, size_t count);

// Makes blocks of `count` elements, which fill whole blocks: bit for bit what ggml's reference code makes. False, with nothing done, for
// the types that are only read: Q2_K, Q3_K, Q5_K. Elements that are not finite spoil their block and nothing else.
bool isomer_quantize(isomer_level level, isomer_block_type type, const float *elements, void *blocks, size_t count);

typedef struct {
    // Elements that are not finite on either side. They are left out below.
    uint64_t not_finite;
    double largest;
    double sum_of_squares;
    // Of the first side.
    double source_sum_of_squares;
} isomer_block_error;

// What lies between elements and what blocks made of them give back. Sums run in eight lanes, as in isomer_statistics.
void isomer_quantization_error(isomer_level level, const float *elements, const float *restored, size_t count, isomer_block_error *error);

#endif
