#include "isomer_cast.h"

#include "cast_kernels.h"

static const cast_kernels *kernels_at(isomer_level level) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return isomer_cast_kernels_avx512();
    if (level >= ISOMER_LEVEL_AVX2) return isomer_cast_kernels_avx2();
#endif
    (void)level;
    return isomer_cast_kernels_baseline();
}

static size_t bits_per_element(isomer_scalar type) {
    switch (type) {
        case ISOMER_F4: return 4;
        case ISOMER_F6E2M3:
        case ISOMER_F6E3M2: return 6;
        case ISOMER_F16:
        case ISOMER_BF16:
        case ISOMER_U16:
        case ISOMER_I16: return 16;
        case ISOMER_F32:
        case ISOMER_U32:
        case ISOMER_I32: return 32;
        case ISOMER_F64:
        case ISOMER_U64:
        case ISOMER_I64: return 64;
        default: return 8;
    }
}

bool isomer_cast(isomer_level level, isomer_scalar from, isomer_scalar to, const void *source, void *destination, size_t count,
                 isomer_cast_counts *counts) {
    if (to >= ISOMER_BOOL || from >= ISOMER_SCALAR_COUNT) return false;
    const cast_kernels *kernels = kernels_at(level);
    const size_t from_bits = bits_per_element(from), to_bits = bits_per_element(to);
    if (from == to) {
        memcpy(destination, source, count * from_bits / 8);
        return true;
    }

    const to_f32 first = to == ISOMER_F32 ? kernels->nearest[from] : kernels->odd[from];
    const bool is_small = from != ISOMER_F32 && from != ISOMER_F64;
    const from_f32 second = to == ISOMER_BF16 && is_small ? kernels->bf16_of_small : kernels->encode[to];
    const uint8_t *in = source;
    uint8_t *out = destination;
    uint32_t between[CAST_BLOCK];
    while (count > 0) {
        const size_t n = count < CAST_BLOCK ? count : CAST_BLOCK;
        block_counts block = {0, 0, 0};
        if (to == ISOMER_F64 && kernels->widen[from] != NULL) {
            kernels->widen[from](in, (any_f64 *)out, n);
        } else if (to == ISOMER_F64) {
            first(in, between, n, &block);
            kernels->widen[ISOMER_F32](between, (any_f64 *)out, n);
        } else if (to == ISOMER_F32) {
            first(in, (any_u32 *)out, n, &block);
        } else if (from == ISOMER_F32) {
            second((const any_u32 *)in, out, n, &block);
        } else {
            first(in, between, n, &block);
            second(between, out, n, &block);
        }
        counts->overflowed += block.overflowed;
        counts->flushed += block.flushed;
        counts->lost_nan += block.lost_nan;
        in += n * from_bits / 8;
        out += n * to_bits / 8;
        count -= n;
    }
    return true;
}
