#include "isomer_strided.h"

#include <string.h>

typedef struct {
    uint64_t halves[2];
} sixteen_bytes;

// Both sides of a transposition are walked in squares that fit in the first cache, so that every line that is fetched is used up.
enum { TILE = 32 };

#define COPY_STRIDED(NAME, TYPE)                                                                                                           \
    static void NAME(char *to, ptrdiff_t to_row, ptrdiff_t to_column, const char *from, ptrdiff_t from_row, ptrdiff_t from_column,         \
                     size_t rows, size_t columns) {                                                                                        \
        const ptrdiff_t size = sizeof(TYPE);                                                                                               \
        for (size_t top = 0; top < rows; top += TILE) {                                                                                    \
            const size_t bottom = rows - top < TILE ? rows : top + TILE;                                                                   \
            for (size_t left = 0; left < columns; left += TILE) {                                                                          \
                const size_t right = columns - left < TILE ? columns : left + TILE;                                                        \
                for (size_t r = top; r < bottom; r++) {                                                                                    \
                    char *t = to + ((ptrdiff_t)r * to_row + (ptrdiff_t)left * to_column) * size;                                           \
                    const char *f = from + ((ptrdiff_t)r * from_row + (ptrdiff_t)left * from_column) * size;                               \
                    for (size_t c = left; c < right; c++, t += to_column * size, f += from_column * size) {                                \
                        TYPE element;                                                                                                      \
                        memcpy(&element, f, sizeof element);                                                                               \
                        memcpy(t, &element, sizeof element);                                                                               \
                    }                                                                                                                      \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

COPY_STRIDED(copy_strided_1, uint8_t)
COPY_STRIDED(copy_strided_2, uint16_t)
COPY_STRIDED(copy_strided_4, uint32_t)
COPY_STRIDED(copy_strided_8, uint64_t)
COPY_STRIDED(copy_strided_16, sixteen_bytes)

void isomer_copy_strided(void *destination, ptrdiff_t destination_row, ptrdiff_t destination_column, const void *source,
                         ptrdiff_t source_row, ptrdiff_t source_column, size_t rows, size_t columns, size_t element_size) {
    if (destination_column == 1 && source_column == 1) {
        const ptrdiff_t size = (ptrdiff_t)element_size;
        for (size_t r = 0; r < rows; r++)
            memcpy((char *)destination + (ptrdiff_t)r * destination_row * size, (const char *)source + (ptrdiff_t)r * source_row * size,
                   columns * element_size);
        return;
    }
    void (*copy)(char *, ptrdiff_t, ptrdiff_t, const char *, ptrdiff_t, ptrdiff_t, size_t, size_t) = copy_strided_1;
    switch (element_size) {
        case 2: copy = copy_strided_2; break;
        case 4: copy = copy_strided_4; break;
        case 8: copy = copy_strided_8; break;
        case 16: copy = copy_strided_16; break;
        default: break;
    }
    copy(destination, destination_row, destination_column, source, source_row, source_column, rows, columns);
}

// The compiler turns these loops into byte shuffles as wide as the level's registers.
#define REVERSE_BYTES(NAME, ATTRIBUTES)                                                                                                    \
    ATTRIBUTES static void NAME(char *p, size_t count, size_t unit_size) {                                                                 \
        if (unit_size == 2) {                                                                                                              \
            for (uint16_t unit; count > 0; count--, p += 2) {                                                                              \
                memcpy(&unit, p, 2);                                                                                                       \
                unit = __builtin_bswap16(unit);                                                                                            \
                memcpy(p, &unit, 2);                                                                                                       \
            }                                                                                                                              \
        } else if (unit_size == 4) {                                                                                                       \
            for (uint32_t unit; count > 0; count--, p += 4) {                                                                              \
                memcpy(&unit, p, 4);                                                                                                       \
                unit = __builtin_bswap32(unit);                                                                                            \
                memcpy(p, &unit, 4);                                                                                                       \
            }                                                                                                                              \
        } else if (unit_size == 8) {                                                                                                       \
            for (uint64_t unit; count > 0; count--, p += 8) {                                                                              \
                memcpy(&unit, p, 8);                                                                                                       \
                unit = __builtin_bswap64(unit);                                                                                            \
                memcpy(p, &unit, 8);                                                                                                       \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

REVERSE_BYTES(reverse_bytes_baseline, )
#if defined(__x86_64__)
REVERSE_BYTES(reverse_bytes_avx2, __attribute__((target("avx2"))))
#endif

void isomer_reverse_bytes(isomer_level level, void *bytes, size_t count, size_t unit_size) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX2) {
        reverse_bytes_avx2(bytes, count, unit_size);
        return;
    }
#endif
    reverse_bytes_baseline(bytes, count, unit_size);
}
