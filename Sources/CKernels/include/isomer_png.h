// The two halves of writing a PNG quickly: filtering rows, and a DEFLATE made for filtered photographs.
#ifndef ISOMER_PNG_H
#define ISOMER_PNG_H

#include <stddef.h>
#include <stdint.h>

// Filters one row by whichever of PNG's five filters gives the smallest sum of magnitudes. `prior` is the row above, or a row of zeros.
// `output` takes 1 + count bytes, the filter's number first; `scratch` takes 5 · count.
//
// Reference: PNG (Third Edition) §9, and the heuristic of §12.7.
void isomer_png_filter_row(
    const uint8_t *row, const uint8_t *prior, size_t count, size_t pixel_bytes, uint8_t *output, uint8_t *scratch);

// Bits that do not fill a byte yet.
typedef struct {
    uint64_t bits;
    unsigned count;
} isomer_deflate_state;

// 16-bit words of working memory.
#define ISOMER_DEFLATE_TOKENS 65536

// Bytes that `count` bytes of input take at most.
size_t isomer_deflate_runs_bound(size_t count);

// Compresses by dynamic Huffman codes and runs of one byte only: in a filtered photograph longer matches hardly ever pay for their search.
// Appends whole blocks; the last ones of a stream are made with `is_last`, which also pads the final byte. Answers the bytes written.
//
// Reference: RFC 1951.
size_t isomer_deflate_runs(
    isomer_deflate_state *state, const uint8_t *input, size_t count, int is_last, uint8_t *output, uint16_t *tokens);

#endif
