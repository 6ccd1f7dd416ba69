// Sums, extremes and counts over blocks of f64.
#ifndef ISOMER_STATISTICS_H
#define ISOMER_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// Bins of the histogram: the upper bits of an f32, which are sign, exponent and four bits of mantissa.
enum { ISOMER_HISTOGRAM_BITS = 13, ISOMER_HISTOGRAM_BINS = 1 << ISOMER_HISTOGRAM_BITS };

typedef struct {
    uint64_t nan, infinite, zero, subnormal;
    // Of the finite values; infinite the wrong way round if there are none.
    double minimum, maximum;
    double sum, sum_of_squares;
} isomer_block_statistics;

// Writes `block` and adds to `histogram`. Sums run in eight lanes, element i in lane i mod 8, which are added in pairs at the end: the same
// bits at every level. What is not finite is counted and left out. `subnormal_below` is the least normal number of the elements' own type.
void isomer_statistics(isomer_level level, const double *elements, size_t count, double subnormal_below, isomer_block_statistics *block,
                       uint64_t *histogram);

typedef struct {
    // Elements that are not equal; NaN equals NaN.
    uint64_t differing;
    // Of those, the ones where either is not finite. They are left out below.
    uint64_t not_finite;
    double largest_absolute;
    // |a - b| / max(|a|, |b|)
    double largest_relative;
    double sum_of_squares;
    // The largest finite |a|.
    double peak;
} isomer_block_difference;

// Compares two blocks, in eight lanes as above.
void isomer_difference(isomer_level level, const double *a, const double *b, size_t count, isomer_block_difference *block);

#endif
