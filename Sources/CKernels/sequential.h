// What the parts of the sequential JPEG decoder share.
#ifndef SEQUENTIAL_H
#define SEQUENTIAL_H

#include "isomer_sequential.h"

// Blocks that are transformed together: one in each lane of a vector.
enum { LANES = 16 };

// Coefficients of LANES blocks in the order in which they are coded, those of one number side by side; behind them room for what the fast way
// writes too far.
typedef struct {
    int16_t values[64 + 32][LANES];
} sequential_tile;

// Bits of coded data that are looked up at once.
enum { LOOK = 11 };

// The symbol that some bits begin with, and the length of its code; 0 if it is longer.
typedef struct {
    uint8_t length, symbol;
} sequential_beginning;

// A Huffman table: what comes out of the next LOOK bits; for what does not fit, the symbol alone; and for codes that are longer, of each length the
// largest code and what to add to a code for its symbol's place.
typedef struct {
    uint32_t entries[1 << LOOK];
    sequential_beginning beginnings[1 << LOOK];
    int32_t largest[17], shift[17];
    uint8_t symbols[256];
} sequential_table;

// Builds a table from 16 counts and their symbols. Answers whether it is a proper one.
bool isomer_sequential_build(sequential_table *table, const uint8_t *counts, bool is_dc);

// A portion of coded data without its stuffing, and where in it the decoder is.
typedef struct {
    uint64_t buffer;
    int32_t count;
    const uint8_t *next, *start, *end;
} sequential_bits;

// Zeros that stand behind coded data: more than a block can take.
enum { DATA_PADDING = 288 };

// The kernels of one level. Rows have at least 64 bytes behind their end.
typedef struct {
    // Decodes a block into a lane, whose coefficients are all zero before. Answers whether it was whole.
    bool (*block)(sequential_bits *bits, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane);
    // Makes 8×8 (or 4×4) pixels of each block: those of the first eight side by side at `first`, of the others at `second`. `steps` has a row
    // for each coefficient, in the order in which they are coded. Answers whether all sums stayed within the range in which libjpeg's vector code has the same.
    bool (*tile8)(const sequential_tile *tile, const int16_t steps[64][LANES], uint8_t *first, uint8_t *second, size_t stride);
    bool (*tile4)(const sequential_tile *tile, const int16_t steps[64][LANES], uint8_t *first, uint8_t *second, size_t stride);
    // Twice as many samples: a quarter of each is its outer neighbour's.
    void (*widen)(const uint8_t *source, uint8_t *target, size_t count);
    // The same of a row whose samples are a quarter those of `other`, the row above or below.
    void (*widen_between)(const uint8_t *source, const uint8_t *other, uint16_t *sums, uint8_t *target, size_t count);
    // Brightness and two colours as RGB, 32 pixels at a time: what is behind the last one is written, too.
    void (*colours)(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, uint8_t *target, size_t count);
} sequential_kernels;

bool isomer_sequential_block(
    sequential_bits *bits, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane);
#if defined(__x86_64__)
// The same with shifts by any register, which every processor with AVX2 has.
bool isomer_sequential_block_bmi2(
    sequential_bits *bits, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane);
#endif

extern const sequential_kernels isomer_sequential_baseline;
#if defined(__x86_64__)
extern const sequential_kernels isomer_sequential_avx2, isomer_sequential_avx512;
#endif

#endif
