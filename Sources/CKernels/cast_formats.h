// The floating-point formats, one element at a time, without branches, so that loops over them become vector code at every level.
#ifndef ISOMER_CAST_FORMATS_H
#define ISOMER_CAST_FORMATS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// What exponents of all ones mean, and where numbers go that are too large.
typedef enum {
    // As in IEEE 754: infinity and NaN.
    IEEE,
    // NaN is all ones, there is no infinity; saturates. Reference: PyTorch 2.13 torch/headeronly/util/Float8_e4m3fn.h
    FINITE,
    // NaN is what would be negative zero, there is no infinity; numbers too large become NaN. Reference: ibid. Float8_e4m3fnuz.h
    FINITE_UNSIGNED_ZERO,
    // Neither infinity nor NaN; saturates, and NaN becomes the largest number. Reference: OCP Microscaling Formats 1.0, 5.3; what it leaves
    // open is as NVIDIA's PTX ISA 8.6 has it for `cvt.rn.satfinite`.
    SATURATING,
} specials;

typedef struct {
    int exponent_bits, mantissa_bits, bias;
    specials specials;
} float_format;

static const float_format F16 = {5, 10, 15, IEEE};
static const float_format F8E5M2 = {5, 2, 15, IEEE};
static const float_format F8E4M3 = {4, 3, 7, FINITE};
static const float_format F8E5M2FNUZ = {5, 2, 16, FINITE_UNSIGNED_ZERO};
static const float_format F8E4M3FNUZ = {4, 3, 8, FINITE_UNSIGNED_ZERO};
static const float_format F6E3M2 = {3, 2, 3, SATURATING};
static const float_format F6E2M3 = {2, 3, 1, SATURATING};
static const float_format F4 = {2, 1, 1, SATURATING};

typedef struct {
    uint32_t overflowed, flushed, lost_nan;
} block_counts;

#define F32_INFINITY 0x7F800000u
#define F32_QUIET 0x00400000u
// PyTorch's NaN for the types whose own NaN has no payload.
#define F32_NAN 0x7F800001u

INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Comparisons of non-negative numbers below 2^31, which every vector unit has.
INLINE bool less(uint32_t a, uint32_t b) { return (int32_t)a < (int32_t)b; }

// MARK: To f32, exactly

INLINE uint32_t decode(uint32_t code, float_format f) {
    const int magnitude_bits = f.exponent_bits + f.mantissa_bits, shift = 23 - f.mantissa_bits;
    const uint32_t sign = code >> magnitude_bits << 31;
    const uint32_t magnitude = code & ((1u << magnitude_bits) - 1);
    const uint32_t rebias = (uint32_t)(127 - f.bias) << 23;

    const uint32_t normal = (magnitude << shift) + rebias;
    // A subnormal is its mantissa in the lowest normal binade less that binade's first number.
    const uint32_t first = rebias + (1u << 23);
    const uint32_t subnormal = bits_of(float_of((magnitude << shift) + first) - float_of(first));
    uint32_t value = less(magnitude, 1u << f.mantissa_bits) ? subnormal : normal;

    if (f.specials == IEEE) {
        const uint32_t infinity = ((1u << f.exponent_bits) - 1) << f.mantissa_bits;
        value = less(magnitude, infinity) ? value : F32_INFINITY | magnitude << shift;
        value |= less(infinity, magnitude) ? F32_QUIET : 0;
    }
    if (f.specials == FINITE) value = magnitude == (1u << magnitude_bits) - 1 ? 0x7FF00000u : value;
    if (f.specials == FINITE_UNSIGNED_ZERO) return code == 1u << magnitude_bits ? F32_NAN : value | sign;
    return value | sign;
}

INLINE uint32_t decode_f8e8m0(uint32_t code) {
    const uint32_t value = code == 0 ? 0x00400000u : code << 23;
    return code == 255 ? F32_NAN : value;
}

// MARK: From f32, rounding to nearest even

INLINE uint32_t encode(uint32_t bits, float_format f, block_counts *counts) {
    const int magnitude_bits = f.exponent_bits + f.mantissa_bits, shift = 23 - f.mantissa_bits;
    const uint32_t sign = bits >> 31 << magnitude_bits;
    const uint32_t value = bits & 0x7FFFFFFFu;
    const uint32_t rebias = (uint32_t)(127 - f.bias) << 23;

    // Half a unit of the last place, less one if that place is even, carries into the mantissa, and from there into the exponent.
    const uint32_t normal = (value - rebias + (1u << (shift - 1)) - 1 + (value >> shift & 1)) >> shift;
    // Below the normal range the processor's own addition rounds: the sum's last place is the subnormals' unit.
    const uint32_t unit = (uint32_t)(127 - f.bias + 1 + shift) << 23;
    const uint32_t subnormal = bits_of(float_of(value) + float_of(unit)) - unit;
    uint32_t result = less(value, rebias + (1u << 23)) ? subnormal : normal;

    const uint32_t all_ones = (1u << magnitude_bits) - 1;
    const uint32_t infinity = ((1u << f.exponent_bits) - 1) << f.mantissa_bits;
    const uint32_t largest = f.specials == IEEE ? infinity - 1 : f.specials == FINITE ? all_ones - 1 : all_ones;
    const bool is_nan = less(F32_INFINITY, value);
    const bool is_over = less(largest, result) && !is_nan;
    counts->flushed += result == 0 && value != 0;

    switch (f.specials) {
        case IEEE:
            counts->overflowed += is_over && value != F32_INFINITY;
            result = is_over ? infinity : result;
            // f16 keeps what fits of the payload, f8e5m2 has one NaN, as in PyTorch.
            result = is_nan ? (f.mantissa_bits == 10 ? infinity | 0x200u | (value >> shift & 0x3FFu) : all_ones) : result;
            return result | sign;
        case FINITE:
            counts->overflowed += is_over;
            result = is_over ? largest : result;
            return (is_nan ? all_ones : result) | sign;
        case FINITE_UNSIGNED_ZERO:
            counts->overflowed += is_over;
            result = result == 0 ? 0 : result | sign;
            return is_over || is_nan ? 1u << magnitude_bits : result;
        case SATURATING:
            counts->overflowed += is_over;
            counts->lost_nan += is_nan;
            result = is_over ? largest : result;
            return is_nan ? largest : result | sign;
    }
}

// PyTorch's NaN depends on its source: all ones from f32 and f64 (its vector code), 0x7FC0 from the smaller types.
INLINE uint32_t encode_bf16(uint32_t bits, uint32_t nan, block_counts *counts) {
    const uint32_t value = bits & 0x7FFFFFFFu;
    const uint32_t result = (value + 0x7FFFu + (value >> 16 & 1)) >> 16;
    const bool is_nan = less(F32_INFINITY, value);
    counts->overflowed += less(0x7F7Fu, result) && less(value, F32_INFINITY);
    counts->flushed += result == 0 && value != 0;
    return is_nan ? nan : result | bits >> 31 << 15;
}

// Half way goes up; below the normal range everything above 2^-127 does. Zero becomes 2^-127.
// Reference: PyTorch 2.13 torch/headeronly/util/Float8_e8m0fnu.h
INLINE uint32_t encode_f8e8m0(uint32_t bits, block_counts *counts) {
    const uint32_t value = bits & 0x7FFFFFFFu;
    const bool is_up = less(0x00400000u, value) && (value & 0x00400000u) != 0 && !less(0x7F7FFFFFu, value);
    const uint32_t result = (value >> 23) + (is_up ? 1 : 0);
    const bool is_nan = less(F32_INFINITY, value);
    counts->overflowed += !is_nan && value != 0 && (result == 255 || bits >> 31 != 0);
    return result;
}

// MARK: f64 and integers to f32

INLINE uint32_t f32_of_f64(double value, block_counts *counts) {
    const float rounded = (float)value;
    const uint32_t bits = bits_of(rounded);
    counts->overflowed += (bits & 0x7FFFFFFFu) == F32_INFINITY && fabs(value) != (double)INFINITY;
    counts->flushed += (bits & 0x7FFFFFFFu) == 0 && value != 0;
    return bits;
}

// Rounding to odd: cut off, and if anything was lost set the last bit. Rounding the result again to fewer places, by two or more, gives
// what rounding once would have given: a tie in the end can only be a true tie. Reference: S. Boldo, G. Melquiond, "Emulation of a FMA and
// correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers, 2008.
INLINE uint32_t odd_f32_of_f64(double value) {
    const float rounded = (float)value;
    const uint32_t cut = bits_of(rounded) - (fabs((double)rounded) > fabs(value) ? 1 : 0);
    const bool is_inexact = (double)rounded != value && value == value;
    return cut | (is_inexact ? 1 : 0);
}

// An integer of more bits than a double has, rounded to odd.
INLINE double odd_f64_of_u64(uint64_t value) {
    const bool is_wide = value >> 53 != 0;
    const uint64_t sticky = (value & ~UINT64_C(0x7FF)) | ((value & 0x7FF) != 0 ? 0x800 : 0);
    return (double)(is_wide ? sticky : value);
}

INLINE double odd_f64_of_i64(int64_t value) {
    const double magnitude = odd_f64_of_u64(value < 0 ? -(uint64_t)value : (uint64_t)value);
    return value < 0 ? -magnitude : magnitude;
}

#endif
