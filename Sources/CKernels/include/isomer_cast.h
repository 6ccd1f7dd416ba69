// Casts to floating-point types.
#ifndef ISOMER_CAST_H
#define ISOMER_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

typedef enum {
    ISOMER_F64,
    ISOMER_F32,
    ISOMER_F16,
    ISOMER_BF16,
    ISOMER_F8E4M3,
    ISOMER_F8E5M2,
    ISOMER_F8E4M3FNUZ,
    ISOMER_F8E5M2FNUZ,
    ISOMER_F8E8M0,
    ISOMER_F6E2M3,
    ISOMER_F6E3M2,
    ISOMER_F4,
    // Sources only, from here on.
    ISOMER_BOOL,
    ISOMER_U8,
    ISOMER_I8,
    ISOMER_U16,
    ISOMER_I16,
    ISOMER_U32,
    ISOMER_I32,
    ISOMER_U64,
    ISOMER_I64,
    ISOMER_SCALAR_COUNT,
} isomer_scalar;

typedef struct {
    // Values too large for the target: finite ones that became infinite, NaN or the largest finite number, infinities in a target that
    // has none, and negative ones in a target without a sign.
    uint64_t overflowed;
    // Values other than zero that became zero.
    uint64_t flushed;
    // NaN in a target that has none.
    uint64_t lost_nan;
} isomer_cast_counts;

// Rounds `count` elements to nearest, ties to even, in one step, and adds to `counts`. Addresses need no alignment; the two sides must not
// overlap. Elements below a byte are packed, low bits first, and `count` must fill whole bytes of them. False, with nothing done, if `to`
// is an integer type.
bool isomer_cast(isomer_level level, isomer_scalar from, isomer_scalar to, const void *source, void *destination, size_t count,
                 isomer_cast_counts *counts);

#endif
