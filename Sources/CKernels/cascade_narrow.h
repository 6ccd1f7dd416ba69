// The vector scans of an LBP cascade of stumps over 16-bit sums. The arguments are those of isomer_cascade_narrow_scan.
#ifndef CASCADE_NARROW_H
#define CASCADE_NARROW_H

#include "isomer_cascade.h"

typedef size_t cascade_narrow_scan(
    const isomer_cascade *cascade, const uint16_t *sums, int32_t stride, int32_t width, int32_t height, int32_t step,
    isomer_cascade_hit *hits, size_t capacity);

#if defined(__x86_64__)
cascade_narrow_scan isomer_cascade_scan_avx2, isomer_cascade_scan_avx512;
#endif

#endif
