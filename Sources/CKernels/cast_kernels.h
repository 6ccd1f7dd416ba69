// One level's conversions of blocks.
#ifndef ISOMER_CAST_KERNELS_H
#define ISOMER_CAST_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "cast_formats.h"
#include "isomer_cast.h"

// Numbers in files need not be aligned.
typedef uint16_t __attribute__((aligned(1), may_alias)) any_u16;
typedef int16_t __attribute__((aligned(1), may_alias)) any_i16;
typedef uint32_t __attribute__((aligned(1), may_alias)) any_u32;
typedef int32_t __attribute__((aligned(1), may_alias)) any_i32;
typedef uint64_t __attribute__((aligned(1), may_alias)) any_u64;
typedef int64_t __attribute__((aligned(1), may_alias)) any_i64;
typedef double __attribute__((aligned(1), may_alias)) any_f64;

// The bits of f32 numbers go between two types that have no direct way.
typedef void (*to_f32)(const void *source, any_u32 *destination, size_t count, block_counts *counts);
typedef void (*from_f32)(const any_u32 *source, void *destination, size_t count, block_counts *counts);
typedef void (*to_f64)(const void *source, any_f64 *destination, size_t count);

typedef struct {
    // To f32 as a target. NULL for f32 itself.
    to_f32 nearest[ISOMER_SCALAR_COUNT];
    // To f32 on the way to something smaller: exact, or rounded to odd.
    to_f32 odd[ISOMER_SCALAR_COUNT];
    // From f32. NULL for f32 and f64.
    from_f32 encode[ISOMER_BOOL];
    // To bf16 from types smaller than f32.
    from_f32 bf16_of_small;
    // To f64: f32 and the integers. NULL for the rest, which go through f32.
    to_f64 widen[ISOMER_SCALAR_COUNT];
} cast_kernels;

// Elements of a block, a multiple of four, which fills bytes of every type.
enum { CAST_BLOCK = 1024 };

const cast_kernels *isomer_cast_kernels_baseline(void);
#if defined(__x86_64__)
const cast_kernels *isomer_cast_kernels_avx2(void);
const cast_kernels *isomer_cast_kernels_avx512(void);
#endif

#endif
