#include "isomer_statistics.h"

#include <math.h>
#include <string.h>

// Fused multiplication and addition would round differently from level to level.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

// The compiler takes as many registers for eight lanes as the level needs. These types never cross a call.
typedef double f64x8 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));

#define SPLAT(x) ((f64x8){x, x, x, x, x, x, x, x})
// A comparison's lanes are all ones for true.
#define SELECT(mask, a, b) ((f64x8)(((mask) & (i64x8)(a)) | (~(mask) & (i64x8)(b))))
#define ABSOLUTE(a) ((f64x8)((i64x8)(a)&INT64_MAX))

// Up to eight elements; the lanes beyond are NaN.
#define LOAD(NAME, FROM, REST)                                                                                                             \
    f64x8 NAME;                                                                                                                            \
    if (__builtin_expect((REST) >= 8, 1)) {                                                                                                \
        memcpy(&NAME, FROM, sizeof NAME);                                                                                                  \
    } else {                                                                                                                               \
        double lanes[8] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};                                                                        \
        memcpy(lanes, FROM, (REST) * sizeof(double));                                                                                      \
        memcpy(&NAME, lanes, sizeof NAME);                                                                                                 \
    }

#define ADD_LANES(v) ((((v)[0] + (v)[1]) + ((v)[2] + (v)[3])) + (((v)[4] + (v)[5]) + ((v)[6] + (v)[7])))
#define COUNT_LANES(v) ((uint64_t) - ((v)[0] + (v)[1] + (v)[2] + (v)[3] + (v)[4] + (v)[5] + (v)[6] + (v)[7]))

INLINE double largest_lane(const double *lanes) {
    double largest = lanes[0];
    for (int lane = 1; lane < 8; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
    return largest;
}

#define LARGEST_LANE(v) largest_lane((const double[8]){(v)[0], (v)[1], (v)[2], (v)[3], (v)[4], (v)[5], (v)[6], (v)[7]})

INLINE void statistics(const double *elements, size_t count, double subnormal_below, isomer_block_statistics *block, uint64_t *histogram) {
    const f64x8 infinity = SPLAT(INFINITY), zero = SPLAT(0.0), least = SPLAT(subnormal_below);
    i64x8 nan_lanes = {0}, infinite_lanes = {0}, zero_lanes = {0}, subnormal_lanes = {0};
    f64x8 sum = {0}, squares = {0}, negated_minimum = -infinity, maximum = -infinity;
    for (size_t i = 0; i < count; i += 8) {
        LOAD(value, elements + i, count - i)
        const f64x8 magnitude = ABSOLUTE(value);
        const i64x8 is_finite = magnitude < infinity;
        nan_lanes += value != value;
        infinite_lanes += magnitude == infinity;
        zero_lanes += value == zero;
        subnormal_lanes += (magnitude < least) & (value != zero);
        const f64x8 finite = SELECT(is_finite, value, zero);
        sum += finite;
        squares += finite * finite;
        const f64x8 low = SELECT(is_finite, -value, -infinity), high = SELECT(is_finite, value, -infinity);
        negated_minimum = SELECT(low > negated_minimum, low, negated_minimum);
        maximum = SELECT(high > maximum, high, maximum);
    }
    // The last load's empty lanes were counted as NaN.
    block->nan = COUNT_LANES(nan_lanes) - (8 - count % 8) % 8;
    block->infinite = COUNT_LANES(infinite_lanes);
    block->zero = COUNT_LANES(zero_lanes);
    block->subnormal = COUNT_LANES(subnormal_lanes);
    block->minimum = -LARGEST_LANE(negated_minimum);
    block->maximum = LARGEST_LANE(maximum);
    block->sum = ADD_LANES(sum);
    block->sum_of_squares = ADD_LANES(squares);

    for (size_t i = 0; i < count; i++) {
        const float narrow = (float)elements[i];
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        // Infinities go to NaN's bins, so that infinity's has the finite numbers beyond f32's range and nothing else.
        bits |= fabs(elements[i]) == (double)INFINITY ? 0x00400000u : 0;
        histogram[bits >> (32 - ISOMER_HISTOGRAM_BITS)]++;
    }
}

INLINE void difference(const double *a, const double *b, size_t count, isomer_block_difference *block) {
    const f64x8 infinity = SPLAT(INFINITY), zero = SPLAT(0.0);
    i64x8 differing = {0}, not_finite = {0};
    f64x8 absolute = {0}, relative = {0}, squares = {0}, peak = {0};
    for (size_t i = 0; i < count; i += 8) {
        // Empty lanes are NaN on both sides, which is equal.
        LOAD(left, a + i, count - i)
        LOAD(right, b + i, count - i)
        const f64x8 left_magnitude = ABSOLUTE(left), right_magnitude = ABSOLUTE(right);
        const i64x8 both_finite = (left_magnitude < infinity) & (right_magnitude < infinity);
        const i64x8 differs = (left != right) & ~((left != left) & (right != right));
        differing += differs;
        not_finite += differs & ~both_finite;
        const i64x8 counts = differs & both_finite;
        const f64x8 error = SELECT(counts, ABSOLUTE(left - right), zero);
        const f64x8 larger = SELECT(left_magnitude > right_magnitude, left_magnitude, right_magnitude);
        const f64x8 ratio = SELECT(counts, error / larger, zero);
        absolute = SELECT(error > absolute, error, absolute);
        relative = SELECT(ratio > relative, ratio, relative);
        squares += error * error;
        const f64x8 candidate = SELECT(left_magnitude < infinity, left_magnitude, zero);
        peak = SELECT(candidate > peak, candidate, peak);
    }
    block->differing = COUNT_LANES(differing);
    block->not_finite = COUNT_LANES(not_finite);
    block->largest_absolute = LARGEST_LANE(absolute);
    block->largest_relative = LARGEST_LANE(relative);
    block->sum_of_squares = ADD_LANES(squares);
    block->peak = LARGEST_LANE(peak);
}

#if defined(__x86_64__)
#define AT_AVX2 __attribute__((target("avx2")))
#define AT_AVX512 __attribute__((target("avx2,avx512f,avx512dq,avx512vl,avx512bw")))

AT_AVX2 static void statistics_avx2(const double *elements, size_t count, double below, isomer_block_statistics *block, uint64_t *histogram) {
    statistics(elements, count, below, block, histogram);
}

AT_AVX512 static void statistics_avx512(const double *elements, size_t count, double below, isomer_block_statistics *block,
                                        uint64_t *histogram) {
    statistics(elements, count, below, block, histogram);
}

AT_AVX2 static void difference_avx2(const double *a, const double *b, size_t count, isomer_block_difference *block) {
    difference(a, b, count, block);
}

AT_AVX512 static void difference_avx512(const double *a, const double *b, size_t count, isomer_block_difference *block) {
    difference(a, b, count, block);
}
#endif

void isomer_statistics(isomer_level level, const double *elements, size_t count, double subnormal_below, isomer_block_statistics *block,
                       uint64_t *histogram) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return statistics_avx512(elements, count, subnormal_below, block, histogram);
    if (level >= ISOMER_LEVEL_AVX2) return statistics_avx2(elements, count, subnormal_below, block, histogram);
#endif
    (void)level;
    statistics(elements, count, subnormal_below, block, histogram);
}

void isomer_difference(isomer_level level, const double *a, const double *b, size_t count, isomer_block_difference *block) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return difference_avx512(a, b, count, block);
    if (level >= ISOMER_LEVEL_AVX2) return difference_avx2(a, b, count, block);
#endif
    (void)level;
    difference(a, b, count, block);
}
