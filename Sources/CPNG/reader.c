#include "CPNG.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

struct isomer_png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t count, position;
    int ran_out;
    // While pixels are read: how much was asked for behind the last of them.
    int is_reading;
    size_t excess;
    uint32_t width, height, rows_read;
    int passes;
    isomer_png_status status;
    char message[200];
};

static void fail(png_structp png, png_const_charp text) {
    isomer_png_reader *reader = png_get_error_ptr(png);
    snprintf(reader->message, sizeof reader->message, "%s", text);
    reader->status = reader->ran_out ? isomer_png_truncated : isomer_png_malformed;
    if (strstr(text, "emory")) reader->status = isomer_png_limit;
    png_longjmp(png, 1);
}

static void note(png_structp png, png_const_charp text) {
    isomer_png_reader *reader = png_get_error_ptr(png);
    if (reader->message[0] == 0) snprintf(reader->message, sizeof reader->message, "%s", text);
}

// libpng unpacks everything behind the last row only to throw it away, which a thousandfold of zeros would make long.
static const size_t most_excess = 16384;

// How much compressed data libpng asks for at once, if not told otherwise.
static const size_t largest_lot = 8192;

static int has_all_rows(const isomer_png_reader *reader) {
    if (reader->passes > 1) return png_get_current_pass_number(reader->png) >= reader->passes;
    return png_get_current_row_number(reader->png) >= reader->height;
}

// libpng asks for compressed pixels in lots and loses a lot that it gets only a part of. Smaller ones towards the end of the bytes bring
// every pixel that a file holds which is cut short.
static void ask_for_less(isomer_png_reader *reader) {
    const size_t left = reader->count - reader->position;
    if (left < 2 * largest_lot) png_set_compression_buffer_size(reader->png, left > 1 ? left / 2 : 1);
}

static void deliver(png_structp png, png_bytep target, size_t count) {
    isomer_png_reader *reader = png_get_io_ptr(png);
    if (reader->is_reading && has_all_rows(reader)) {
        reader->excess += count;
        if (reader->excess > most_excess) png_error(png, "there is more compressed data than the picture has pixels");
    }
    if (count > reader->count - reader->position) {
        reader->ran_out = 1;
        png_error(png, "the file ends too early");
    }
    memcpy(target, reader->bytes + reader->position, count);
    reader->position += count;
    ask_for_less(reader);
}

isomer_png_reader *isomer_png_open(const uint8_t *bytes, size_t count, size_t chunk_limit) {
    isomer_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->bytes = bytes;
    reader->count = count;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, fail, note);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (!reader->info) {
        isomer_png_close(reader);
        return NULL;
    }
    if (setjmp(png_jmpbuf(reader->png))) return reader;
    png_set_read_fn(reader->png, reader, deliver);
    // The caller compares width and height with its own limits before it allocates.
    png_set_user_limits(reader->png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_chunk_malloc_max(reader->png, chunk_limit);
    png_set_chunk_cache_max(reader->png, 1000);
#ifdef PNG_IGNORE_ADLER32
    // Every byte of the stream is under a chunk's CRC already.
    png_set_option(reader->png, PNG_IGNORE_ADLER32, PNG_OPTION_OFF);
#endif
    // Text is not used, so it need not be decompressed.
    static const png_byte ignored[] = "tEXt\0zTXt\0iTXt\0sPLT\0hIST\0tIME\0pCAL\0sCAL\0oFFs";
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, ignored, (int)(sizeof ignored / 5));
    return reader;
}

isomer_png_status isomer_png_start(isomer_png_reader *reader, isomer_png_info *out) {
    if (reader->status) return reader->status;
    png_structp png = reader->png;
    png_infop info = reader->info;
    if (setjmp(png_jmpbuf(png))) return reader->status;
    png_read_info(png, info);
    memset(out, 0, sizeof *out);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    out->bit_depth = png_get_bit_depth(png, info);
    out->colour_type = png_get_color_type(png, info);
    out->interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    png_fixed_point gamma = 0;
    if (png_get_gAMA_fixed(png, info, &gamma)) out->gamma = gamma;
    out->is_srgb = png_get_valid(png, info, PNG_INFO_sRGB) != 0;
    png_fixed_point c[8];
    if (png_get_cHRM_fixed(png, info, &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7])) {
        out->has_chromaticities = 1;
        for (int i = 0; i < 8; i++) out->chromaticities[i] = c[i];
    }
    // Palette to RGB, 1/2/4 bits to 8, transparent colour to alpha.
    png_set_expand(png);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (out->bit_depth == 16) png_set_swap(png);
#endif
    reader->passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    out->channels = png_get_channels(png, info);
    out->sample_bits = png_get_bit_depth(png, info);
    reader->width = out->width;
    reader->height = out->height;
    return isomer_png_ok;
}

isomer_png_status isomer_png_read(isomer_png_reader *reader, uint8_t *rows, size_t stride, uint32_t count, uint32_t *rows_done) {
    *rows_done = 0;
    if (reader->status) return reader->status;
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png))) {
        // What follows the last row is read with it: the row is there even if nothing else is.
        if (reader->is_reading && reader->passes == 1 && has_all_rows(reader)) *rows_done = reader->height - reader->rows_read;
        return reader->status;
    }
    const uint32_t left = reader->height - reader->rows_read;
    if (reader->passes > 1 || count > left) count = left;
    reader->is_reading = 1;
    for (int pass = 0; pass < reader->passes; pass++) {
        for (uint32_t y = 0; y < count; y++) {
            png_read_row(png, rows + (size_t)y * stride, NULL);
            if (pass == 0) *rows_done = y + 1;
        }
    }
    reader->rows_read += count;
    if (reader->rows_read < reader->height) return isomer_png_ok;
    reader->is_reading = 0;
    png_read_end(png, reader->info);
    return isomer_png_ok;
}

const uint8_t *isomer_png_profile(isomer_png_reader *reader, size_t *count) {
    png_charp name;
    int compression;
    png_bytep profile;
    png_uint_32 size;
    *count = 0;
    if (setjmp(png_jmpbuf(reader->png))) return NULL;
    if (!png_get_iCCP(reader->png, reader->info, &name, &compression, &profile, &size)) return NULL;
    *count = size;
    return profile;
}

const uint8_t *isomer_png_exif(isomer_png_reader *reader, size_t *count) {
    png_bytep exif;
    png_uint_32 size;
    *count = 0;
    if (setjmp(png_jmpbuf(reader->png))) return NULL;
    if (!png_get_eXIf_1(reader->png, reader->info, &size, &exif)) return NULL;
    *count = size;
    return exif;
}

const char *isomer_png_message(const isomer_png_reader *reader) { return reader->message; }

void isomer_png_close(isomer_png_reader *reader) {
    if (!reader) return;
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}
