// PNG through libpng, with every failure as a returned value: libpng's longjmp never leaves these functions.
#ifndef ISOMER_CPNG_H
#define ISOMER_CPNG_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    isomer_png_ok = 0,
    // The bytes break the format, or a checksum does not hold.
    isomer_png_malformed = 1,
    // The bytes end too early.
    isomer_png_truncated = 2,
    // No memory.
    isomer_png_limit = 3,
} isomer_png_status;

typedef struct isomer_png_reader isomer_png_reader;

typedef struct {
    uint32_t width, height;
    // As stored: 1, 2, 4, 8 or 16 bits, and libpng's colour type.
    int bit_depth, colour_type;
    int interlaced;
    // Delivered: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA; 8 bits each, or 16 in the machine's order if stored with 16.
    int channels, sample_bits;
    // The file's gamma times 100,000; 0 if it does not say.
    int32_t gamma;
    // 1 if the file says it is sRGB.
    int is_srgb;
    // x and y of white, red, green and blue times 100,000, if `has_chromaticities`.
    int has_chromaticities;
    int32_t chromaticities[8];
} isomer_png_info;

// Starts on `count` bytes, which must stay where they are until `isomer_png_close`. Returns null only when memory is out.
isomer_png_reader *isomer_png_open(const uint8_t *bytes, size_t count, size_t chunk_limit);

// Reads up to the picture data and sets up the conversion to plain samples: palettes, transparency and small depths are expanded.
isomer_png_status isomer_png_start(isomer_png_reader *reader, isomer_png_info *info);

// Decodes the next rows, `count` or as many as are left, into `rows`, `stride` bytes apart; with the last one, the file is read to its end.
// Rows of an interlaced picture come all at once, whatever `count` says. `rows_done` says how many are whole, also after a failure.
isomer_png_status isomer_png_read(isomer_png_reader *reader, uint8_t *rows, size_t stride, uint32_t count, uint32_t *rows_done);

// The colour profile, decompressed: a pointer that stays good until `isomer_png_close`, or null.
const uint8_t *isomer_png_profile(isomer_png_reader *reader, size_t *count);

// The Exif block (starting at its byte order), before or after the picture data: call it after `isomer_png_read` to see both.
const uint8_t *isomer_png_exif(isomer_png_reader *reader, size_t *count);

const char *isomer_png_message(const isomer_png_reader *reader);

void isomer_png_close(isomer_png_reader *reader);

#endif
