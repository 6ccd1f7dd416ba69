// Moving elements without looking at their values: strided copies and byte order.
#ifndef ISOMER_STRIDED_H
#define ISOMER_STRIDED_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// destination[r * destination_row + c * destination_column] = source[r * source_row + c * source_column] for all r < rows, c < columns.
// Strides count elements and may be zero or negative. `element_size` is 1, 2, 4, 8 or 16; addresses need no alignment. The two sides
// must not overlap.
void isomer_copy_strided(void *destination, ptrdiff_t destination_row, ptrdiff_t destination_column, const void *source,
                         ptrdiff_t source_row, ptrdiff_t source_column, size_t rows, size_t columns, size_t element_size);

// Reverses the bytes of each of `count` units of `unit_size` bytes (2, 4 or 8), in place.
void isomer_reverse_bytes(isomer_level level, void *bytes, size_t count, size_t unit_size);

#endif
