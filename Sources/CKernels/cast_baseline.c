#include "cast_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

// The processor's own conversion, which is part of the architecture.
#define HAS_F16_LOOPS

static void f16_to_f32(const void *source, any_u32 *destination, size_t count, block_counts *counts) {
    (void)counts;
    const uint8_t *in = source;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const float16x4_t half = vreinterpret_f16_u8(vld1_u8(in + 2 * i));
        vst1q_u8((uint8_t *)(destination + i), vreinterpretq_u8_f32(vcvt_f32_f16(half)));
    }
    for (; i < count; i++) destination[i] = decode(((const any_u16 *)source)[i], F16);
}

static void f32_to_f16(const any_u32 *in, void *destination, size_t count, block_counts *counts) {
    any_u16 *out = destination;
    uint32x4_t overflowed = vdupq_n_u32(0), flushed = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const uint32x4_t bits = vreinterpretq_u32_u8(vld1q_u8((const uint8_t *)(in + i)));
        const uint32x4_t value = vandq_u32(bits, vdupq_n_u32(0x7FFFFFFF));
        // A comparison gives -1 for true.
        overflowed = vsubq_u32(overflowed, vcltq_u32(vsubq_u32(value, vdupq_n_u32(0x477FF000)), vdupq_n_u32(0x7F800000 - 0x477FF000)));
        flushed = vsubq_u32(flushed, vcltq_u32(vsubq_u32(value, vdupq_n_u32(1)), vdupq_n_u32(0x33000000)));
        vst1_u8((uint8_t *)(out + i), vreinterpret_u8_f16(vcvt_f16_f32(vreinterpretq_f32_u32(bits))));
    }
    counts->overflowed += vaddvq_u32(overflowed);
    counts->flushed += vaddvq_u32(flushed);
    for (; i < count; i++) out[i] = (uint16_t)encode(in[i], F16, counts);
}
#endif

#define KERNELS isomer_cast_kernels_baseline
#include "cast_kernels.inc"
