// The JPEG files that cameras and phones write, decoded at once: sequential Huffman coding of 8 bits, in one scan.
//
// The pixels are libjpeg-turbo's to the bit: its accurate integer transform, its smooth chroma upsampling, its colours. Whatever is not plain,
// and whatever is broken, is answered with "no", and is libjpeg's to decode or to complain about.
//
// Reference: ITU-T T.81; libjpeg-turbo 2.1.5, jdhuff.c, jidctint.c, jidctred.c, jdsample.c, jdcolor.c.
#ifndef ISOMER_SEQUENTIAL_H
#define ISOMER_SEQUENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// A file's header, as far as it matters.
typedef struct {
    uint32_t width, height;
    // 1 gray, 3 brightness and two colours.
    uint32_t components;
    // Blocks of brightness for each of colour, across and down: 1 or 2.
    uint32_t across, down;
    // Steps of the coefficients of each component, in the order in which they are coded.
    uint8_t steps[3][64];
    // Where the Huffman tables of each component begin in the file: 16 counts, then the symbols. First DC, then AC.
    size_t tables[3][2];
    // Units between restart markers, or 0.
    uint32_t restart;
    // Where the coded data begins.
    size_t data;
} isomer_sequential_header;

// Whether this is faster than libjpeg-turbo, which has vector code of its own.
bool isomer_sequential_pays(isomer_level level);

// Reads a header. Answers whether the file may be one of these.
bool isomer_sequential_read(const uint8_t *bytes, size_t count, isomer_sequential_header *header);

// Bytes that decoding needs to work in; `denominator` is 1, or 2 for half the size.
size_t isomer_sequential_scratch(const isomer_sequential_header *header, uint32_t denominator);

// Asked where the next `count` rows go, at most ISOMER_SEQUENTIAL_ROWS and all before them being there; null ends the decoding.
typedef uint8_t *(*isomer_sequential_room)(void *context, uint32_t count);

enum { ISOMER_SEQUENTIAL_ROWS = 17 };

// Decodes into rows `stride` bytes apart, gray or RGB, of the header's size divided by `denominator` and rounded up. Answers whether it did;
// if not, any part of the rows may have been written to. `scratch` is aligned to 64 bytes.
bool isomer_sequential_decode(
    isomer_level level, const uint8_t *bytes, size_t count, const isomer_sequential_header *header, uint32_t denominator, void *scratch,
    size_t stride, isomer_sequential_room room, void *context);

#endif
