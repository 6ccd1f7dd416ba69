#include "resample_kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

enum { BYTES = 32, LANES = 8 };

// A row at a time: its bytes are widened to 32 bits and multiplied with the row's weight. Answers how many bytes of a row it made.
size_t isomer_resample_columns_neon(
    const uint8_t *source, ptrdiff_t source_stride, uint8_t *target, size_t target_stride, size_t first_output, size_t rows,
    size_t row_bytes, const isomer_resample_filter *filter) {
    const size_t whole = row_bytes / BYTES * BYTES;
    for (size_t y = 0; y < rows; y++, target += target_stride) {
        const size_t i = first_output + y;
        const int32_t *weights = filter->weights + i * filter->capacity;
        const uint8_t *base = source + (ptrdiff_t)filter->first[i] * source_stride;
        for (size_t x = 0; x < whole; x += BYTES) {
            int32x4_t sums[LANES];
            for (int k = 0; k < LANES; k++) sums[k] = vdupq_n_s32(ROUNDING);
            const uint8_t *in = base + x;
            for (int t = 0; t < filter->count[i]; t++, in += source_stride) {
                const int32x4_t weight = vdupq_n_s32(weights[t]);
                for (int half = 0; half < 2; half++) {
                    const uint8x16_t bytes = vld1q_u8(in + 16 * half);
                    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
                    const uint32x4_t words[4] = {
                        vmovl_u16(vget_low_u16(low)), vmovl_high_u16(low), vmovl_u16(vget_low_u16(high)), vmovl_high_u16(high)};
                    for (int k = 0; k < 4; k++)
                        sums[4 * half + k] = vmlaq_s32(sums[4 * half + k], vreinterpretq_s32_u32(words[k]), weight);
                }
            }
            for (int half = 0; half < 2; half++) {
                // Narrowing cuts what is below 0 off first, then what is above 255.
                uint16x8_t words[2];
                for (int k = 0; k < 2; k++) {
                    const int32x4_t a = vshrq_n_s32(sums[4 * half + 2 * k], ISOMER_RESAMPLE_FRACTION_BITS);
                    const int32x4_t b = vshrq_n_s32(sums[4 * half + 2 * k + 1], ISOMER_RESAMPLE_FRACTION_BITS);
                    words[k] = vcombine_u16(vqmovun_s32(a), vqmovun_s32(b));
                }
                vst1q_u8(target + x + 16 * half, vcombine_u8(vqmovn_u16(words[0]), vqmovn_u16(words[1])));
            }
        }
    }
    return whole;
}

#endif
