// Colour conversion of 8-bit pixels.
#ifndef ISOMER_COLOUR_H
#define ISOMER_COLOUR_H

#include <stddef.h>
#include <stdint.h>

// Stored RGB to light by three tables of 256, through a 3×3 matrix (row by row), cut to 0...1, and back by a table of 65,536 steps.
// `channels` is 3 or 4; a fourth is copied. Source and target may be the same.
void isomer_colour_rgb8(
    const uint8_t *source, uint8_t *target, size_t pixels, int channels, const float *light, const float *matrix, const uint8_t *encoding);

#endif
