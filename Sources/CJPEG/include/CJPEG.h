// JPEG through libjpeg, with every failure as a returned value: libjpeg's longjmp never leaves these functions.
#ifndef ISOMER_CJPEG_H
#define ISOMER_CJPEG_H

#include <stddef.h>
#include <stdint.h>

// What a call came to. Anything but `isomer_jpeg_ok` leaves a message behind.
typedef enum {
    isomer_jpeg_ok = 0,
    // The bytes break the format.
    isomer_jpeg_malformed = 1,
    // The bytes are fine, but libjpeg does not do this: 12 bits, lossless, hierarchical.
    isomer_jpeg_unsupported = 2,
    // No memory, or more scans than any real picture has.
    isomer_jpeg_limit = 3,
    // The caller made a mistake.
    isomer_jpeg_misuse = 4,
} isomer_jpeg_status;

typedef struct isomer_jpeg_reader isomer_jpeg_reader;

typedef struct {
    // The picture's size before any scaling, and the size that `isomer_jpeg_read` delivers.
    uint32_t width, height, output_width, output_height;
    // Components in the file (1, 3 or 4) and bytes per delivered pixel (1, 3 or 4).
    int components, output_components;
    // Whether it was written with progressive scans.
    int progressive;
} isomer_jpeg_info;

// Starts on `count` bytes, which must stay where they are until `isomer_jpeg_close`. Returns null only when memory is out.
isomer_jpeg_reader *isomer_jpeg_open(const uint8_t *bytes, size_t count, int scan_limit, double seconds_limit);

// Reads the header. `denominator` (1, 2, 4, 8) shrinks during the inverse transform; sizes round up.
// Gray stays gray, three components become RGB, four become CMYK as stored.
isomer_jpeg_status isomer_jpeg_start(isomer_jpeg_reader *reader, int denominator, isomer_jpeg_info *info);

// Decodes the next rows, `count` or as many as are left, into `rows`, `stride` bytes apart; with the last one, the file is read to its end.
// `rows_done` says how many came, also after a failure. With `stops_at_damage` it ends as soon as something is wrong, so that a header that
// promises more than the file holds costs no memory.
isomer_jpeg_status isomer_jpeg_read(
    isomer_jpeg_reader *reader, uint8_t *rows, size_t stride, uint32_t count, int stops_at_damage, uint32_t *rows_done);

// The message of the last failure, or of the first thing that was wrong but repaired; empty when all was well.
const char *isomer_jpeg_message(const isomer_jpeg_reader *reader);

// Whether picture data was missing or damaged and libjpeg made up what it could not read; 1 cut short, 2 damaged.
int isomer_jpeg_damage(const isomer_jpeg_reader *reader);

void isomer_jpeg_close(isomer_jpeg_reader *reader);

typedef struct {
    uint32_t width, height;
    // 1 gray, 3 RGB.
    int components;
    // 1 to 100.
    int quality;
    // 1 for 4:4:4, 0 for 4:2:0.
    int full_colour;
    // Smaller files for about twice the time: optimal Huffman tables, and progressive scans.
    int optimise, progressive;
} isomer_jpeg_settings;

typedef struct {
    // 1 to 15 for APP1 to APP15.
    int application;
    const uint8_t *bytes;
    size_t count;
} isomer_jpeg_segment;

// Encodes. `*output` is to be freed with `isomer_jpeg_free`; `message` takes at least 200 bytes.
isomer_jpeg_status isomer_jpeg_write(
    const uint8_t *rows, size_t stride, const isomer_jpeg_settings *settings, const isomer_jpeg_segment *segments,
    size_t segment_count, uint8_t **output, size_t *output_count, char *message);

void isomer_jpeg_free(uint8_t *output);

#endif
