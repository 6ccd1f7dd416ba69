#include "isomer_blocks.h"

#include "blocks_kernels.h"

static const block_kernels *kernels_at(isomer_level level) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return isomer_block_kernels_avx512();
    if (level >= ISOMER_LEVEL_AVX2) return isomer_block_kernels_avx2();
#endif
    (void)level;
    return isomer_block_kernels_baseline();
}

size_t isomer_block_elements(isomer_block_type type) { return type >= ISOMER_Q2_K ? LARGE_BLOCK : SMALL_BLOCK; }

size_t isomer_block_bytes(isomer_block_type type) {
    switch (type) {
        case ISOMER_Q4_0: return sizeof(block_q4_0);
        case ISOMER_Q4_1: return sizeof(block_q4_1);
        case ISOMER_Q5_0: return sizeof(block_q5_0);
        case ISOMER_Q5_1: return sizeof(block_q5_1);
        case ISOMER_Q8_0: return sizeof(block_q8_0);
        case ISOMER_Q2_K: return sizeof(block_q2_k);
        case ISOMER_Q3_K: return sizeof(block_q3_k);
        case ISOMER_Q4_K: return sizeof(block_q4_k);
        case ISOMER_Q5_K: return sizeof(block_q5_k);
        case ISOMER_Q6_K: return sizeof(block_q6_k);
        case ISOMER_BLOCK_TYPE_COUNT: break;
    }
    return 0;
}

void isomer_dequantize(isomer_level level, isomer_block_type type, const void *blocks, float *elements, size_t count) {
    if (type >= ISOMER_BLOCK_TYPE_COUNT) return;
    kernels_at(level)->dequantize[type](blocks, elements, count / isomer_block_elements(type));
}

bool isomer_quantize(isomer_level level, isomer_block_type type, const float *elements, void *blocks, size_t count) {
    if (type >= ISOMER_BLOCK_TYPE_COUNT) return false;
    const quantizer quantize = kernels_at(level)->quantize[type];
    if (quantize == NULL) return false;
    quantize(elements, blocks, count / isomer_block_elements(type));
    return true;
}

void isomer_quantization_error(isomer_level level, const float *elements, const float *restored, size_t count, isomer_block_error *error) {
    kernels_at(level)->error(elements, restored, count, error);
}
