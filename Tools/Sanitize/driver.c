// Calls the C targets with what their callers in Swift may pass. A sanitizer ends it when something is wrong; nothing else is checked here.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CJPEG.h"
#include "CKernels.h"
#include "CPNG.h"

// A multiplicative generator: the same numbers every time.
static uint64_t state = 1;
static uint32_t next_number(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static const uint64_t most_pixels = 1 << 22;

static void read_png(const uint8_t *bytes, size_t count) {
    isomer_png_reader *reader = isomer_png_open(bytes, count, 1 << 20);
    isomer_png_info info;
    if (isomer_png_start(reader, &info) == isomer_png_ok && (uint64_t)info.width * info.height <= most_pixels) {
        size_t stride = (size_t)info.width * (size_t)info.channels * (size_t)info.sample_bits / 8;
        uint8_t *rows = malloc(stride * info.height);
        uint32_t done = 1;
        for (uint32_t y = 0; done > 0 && y < info.height; y += done) isomer_png_read(reader, rows + y * stride, stride, 7, &done);
        size_t size;
        isomer_png_profile(reader, &size);
        isomer_png_exif(reader, &size);
        free(rows);
    }
    isomer_png_message(reader);
    isomer_png_close(reader);
}

static void read_jpeg(const uint8_t *bytes, size_t count) {
    for (int denominator = 1; denominator <= 8; denominator *= 2) {
        isomer_jpeg_reader *reader = isomer_jpeg_open(bytes, count, 100, 10);
        isomer_jpeg_info info;
        if (isomer_jpeg_start(reader, denominator, &info) == isomer_jpeg_ok && (uint64_t)info.width * info.height <= most_pixels) {
            size_t stride = (size_t)info.output_width * (size_t)info.output_components;
            uint8_t *rows = malloc(stride * info.output_height);
            isomer_jpeg_status status = isomer_jpeg_ok;
            uint32_t done = 1;
            for (uint32_t y = 0; status == isomer_jpeg_ok && done > 0 && y < info.output_height; y += done)
                status = isomer_jpeg_read(reader, rows + y * stride, stride, 13, 1, &done);
            if (status == isomer_jpeg_ok && info.output_components != 4) {
                isomer_jpeg_settings settings = {.width = info.output_width, .height = info.output_height, .components = info.output_components,
                    .quality = 90, .full_colour = denominator & 1, .optimise = 1, .progressive = denominator > 2};
                isomer_jpeg_segment segment = {1, (const uint8_t *)"Exif\0\0", 6};
                uint8_t *output = NULL;
                size_t size = 0;
                char message[256];
                if (isomer_jpeg_write(rows, stride, &settings, &segment, 1, &output, &size, message) == isomer_jpeg_ok) isomer_jpeg_free(output);
            }
            free(rows);
        }
        isomer_jpeg_close(reader);
    }
}

// Rows of a lot in memory of their own: writing over their end is noticed.
typedef struct {
    uint8_t *rows;
    size_t stride;
} row_lot;

static uint8_t *room_for(void *context, uint32_t count) {
    row_lot *lot = context;
    free(lot->rows);
    return lot->rows = malloc(count * lot->stride);
}

static void read_sequential(const uint8_t *bytes, size_t count) {
    isomer_sequential_header header;
    if (!isomer_sequential_read(bytes, count, &header) || (uint64_t)header.width * header.height > most_pixels) return;
    for (uint32_t denominator = 1; denominator <= 2; denominator++) {
        for (int level = 0; level < 8; level++) {
            if (!isomer_level_supported((isomer_level)level)) continue;
            row_lot lot = {NULL, (header.width + denominator - 1) / denominator * header.components};
            const size_t scratch_bytes = (isomer_sequential_scratch(&header, denominator) + 63) / 64 * 64;
            void *scratch = aligned_alloc(64, scratch_bytes);
            isomer_sequential_decode((isomer_level)level, bytes, count, &header, denominator, scratch, lot.stride, room_for, &lot);
            free(scratch);
            free(lot.rows);
        }
    }
}

static void read_picture(const uint8_t *bytes, size_t count) {
    // A copy of its own size: reading over its end is noticed.
    uint8_t *copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    if (count > 1 && copy[0] == 0xFF) {
        read_jpeg(copy, count);
        read_sequential(copy, count);
    } else {
        read_png(copy, count);
    }
    free(copy);
}

static void pictures(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    fseek(file, 0, SEEK_END);
    size_t count = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(count);
    if (fread(bytes, 1, count, file) != count) exit(2);
    fclose(file);
    read_picture(bytes, count);
    for (int round = 0; round < 8; round++) read_picture(bytes, next_number() % count);
    for (int round = 0; round < 8; round++) {
        size_t place = next_number() % count;
        uint8_t bit = (uint8_t)(1 << (next_number() & 7));
        bytes[place] ^= bit;
        read_picture(bytes, count);
        bytes[place] ^= bit;
    }
    free(bytes);
}

static void kernels(isomer_level level) {
    for (size_t count = 0; count < 300; count += count < 70 ? 1 : 37) {
        for (size_t shift = 0; shift < 3; shift++) {
            uint8_t *source = malloc(count * 8 + shift + 1), *target = malloc(count * 8 + shift + 1);
            for (size_t place = 0; place < count * 8 + shift; place++) source[place] = (uint8_t)next_number();
            isomer_crc32(level, 0, source + shift, count);
            if (shift == 0) {
                for (int from = 0; from < ISOMER_SCALAR_COUNT; from++) {
                    for (int to = 0; to <= ISOMER_F4; to++) {
                        isomer_cast_counts counts;
                        memset(&counts, 0, sizeof counts);
                        isomer_cast(level, (isomer_scalar)from, (isomer_scalar)to, source, target, count, &counts);
                    }
                }
            }
            free(source);
            free(target);
        }
        float *from = malloc(count * 4 + 4), *to = malloc(count * 4 + 4);
        for (size_t place = 0; place < count; place++) from[place] = (float)(int32_t)next_number();
        isomer_add_scaled(level, from, from, 0.5f, to, count);
        isomer_magnitude(level, from, count);
        isomer_random_normal(level, 7, next_number(), 1, 0, to, count);
        double *wide = malloc(count * 8 + 8);
        for (size_t place = 0; place < count; place++) wide[place] = from[place];
        isomer_block_statistics block;
        memset(&block, 0, sizeof block);
        static uint64_t histogram[ISOMER_HISTOGRAM_BINS];
        isomer_statistics(level, wide, count, 1e-30, &block, histogram);
        for (size_t unit = 2; unit <= 8; unit *= 2) isomer_reverse_bytes(level, wide, count * 8 / unit, unit);
        free(from);
        free(to);
        free(wide);
    }
}

int main(int count, char **words) {
    for (int place = 1; place < count; place++) pictures(words[place]);
    int levels = 0;
    for (int level = 0; level < 8; level++) {
        if (!isomer_level_supported((isomer_level)level)) continue;
        kernels((isomer_level)level);
        levels++;
    }
    printf("%d pictures, each 17 times; kernels at %d levels: nothing found\n", count - 1, levels);
    return 0;
}
