#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jerror.h>
#include <jpeglib.h>

struct isomer_jpeg_reader {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    isomer_jpeg_status status;
    int scan_limit;
    double seconds_limit;
    struct timespec began;
    unsigned calls;
    int has_begun;
    int damage;
    char message[JMSG_LENGTH_MAX];
};

static isomer_jpeg_reader *reader_of(j_common_ptr common) {
    return (isomer_jpeg_reader *)common->client_data;
}

static isomer_jpeg_status status_of(int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_WIDTH_OVERFLOW:
    case JERR_IMAGE_TOO_BIG:
        return isomer_jpeg_limit;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
        return isomer_jpeg_unsupported;
    default:
        return isomer_jpeg_malformed;
    }
}

static void fail(j_common_ptr common) {
    isomer_jpeg_reader *reader = reader_of(common);
    common->err->format_message(common, reader->message);
    reader->status = status_of(common->err->msg_code);
    longjmp(reader->escape, 1);
}

// Level -1 is libjpeg's "something was wrong and I went on"; the other levels are chatter.
static void note(j_common_ptr common, int level) {
    if (level >= 0) return;
    isomer_jpeg_reader *reader = reader_of(common);
    if (reader->message[0] == 0) common->err->format_message(common, reader->message);
    switch (common->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        reader->damage |= 1;
        break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_PROGRESSION:
        reader->damage |= 2;
        break;
    default:
        break;
    }
}

static void silent(j_common_ptr common) { (void)common; }

// A small file can ask for thousands of scans over a huge picture; each one costs a pass.
static void count_scans(j_common_ptr common) {
    isomer_jpeg_reader *reader = reader_of(common);
    if (!common->is_decompressor) return;
    // A row of blocks takes a fraction of a millisecond.
    if ((++reader->calls & 63) == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        double seconds = (double)(now.tv_sec - reader->began.tv_sec) + (double)(now.tv_nsec - reader->began.tv_nsec) / 1e9;
        if (seconds > reader->seconds_limit) {
            snprintf(reader->message, sizeof reader->message, "longer than %.0f seconds to decode", reader->seconds_limit);
            reader->status = isomer_jpeg_limit;
            longjmp(reader->escape, 1);
        }
    }
    if (((j_decompress_ptr)common)->input_scan_number <= reader->scan_limit) return;
    snprintf(reader->message, sizeof reader->message, "more than %d scans", reader->scan_limit);
    reader->status = isomer_jpeg_limit;
    longjmp(reader->escape, 1);
}

isomer_jpeg_reader *isomer_jpeg_open(const uint8_t *bytes, size_t count, int scan_limit, double seconds_limit) {
    isomer_jpeg_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->decoder.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = fail;
    reader->errors.emit_message = note;
    reader->errors.output_message = silent;
    reader->decoder.client_data = reader;
    reader->scan_limit = scan_limit;
    reader->seconds_limit = seconds_limit;
    clock_gettime(CLOCK_MONOTONIC, &reader->began);
    if (setjmp(reader->escape)) return reader;
    jpeg_create_decompress(&reader->decoder);
    // jpeg_create_decompress clears everything but `err` and `client_data`.
    reader->progress.progress_monitor = count_scans;
    reader->decoder.progress = &reader->progress;
    jpeg_mem_src(&reader->decoder, bytes, (unsigned long)count);
    return reader;
}

isomer_jpeg_status isomer_jpeg_start(isomer_jpeg_reader *reader, int denominator, isomer_jpeg_info *info) {
    if (reader->status) return reader->status;
    if (setjmp(reader->escape)) return reader->status;
    struct jpeg_decompress_struct *decoder = &reader->decoder;
    if (jpeg_read_header(decoder, TRUE) != JPEG_HEADER_OK) {
        snprintf(reader->message, sizeof reader->message, "there is no picture in it");
        return reader->status = isomer_jpeg_malformed;
    }
    decoder->scale_num = 1;
    decoder->scale_denom = (unsigned)denominator;
    switch (decoder->num_components) {
    case 1: decoder->out_color_space = JCS_GRAYSCALE; break;
    case 3: decoder->out_color_space = JCS_RGB; break;
    case 4: decoder->out_color_space = JCS_CMYK; break;
    default:
        snprintf(reader->message, sizeof reader->message, "%d colour components", decoder->num_components);
        return reader->status = isomer_jpeg_unsupported;
    }
    decoder->dct_method = JDCT_ISLOW;
    jpeg_calc_output_dimensions(decoder);
    info->width = decoder->image_width;
    info->height = decoder->image_height;
    info->output_width = decoder->output_width;
    info->output_height = decoder->output_height;
    info->components = decoder->num_components;
    info->output_components = decoder->out_color_components;
    info->progressive = decoder->progressive_mode;
    return isomer_jpeg_ok;
}

isomer_jpeg_status isomer_jpeg_read(
    isomer_jpeg_reader *reader, uint8_t *rows, size_t stride, uint32_t count, int stops_at_damage, uint32_t *rows_done) {
    *rows_done = 0;
    if (reader->status) return reader->status;
    struct jpeg_decompress_struct *decoder = &reader->decoder;
    const uint32_t first = reader->has_begun ? decoder->output_scanline : 0;
    if (setjmp(reader->escape)) {
        *rows_done = decoder->output_scanline - first;
        return reader->status;
    }
    if (!reader->has_begun) {
        jpeg_start_decompress(decoder);
        reader->has_begun = 1;
    }
    const uint32_t end = decoder->output_height - first < count ? decoder->output_height : first + count;
    while (decoder->output_scanline < end) {
        JSAMPROW batch[8];
        unsigned left = end - decoder->output_scanline;
        if (left > 8) left = 8;
        for (unsigned i = 0; i < left; i++) batch[i] = rows + (size_t)(decoder->output_scanline - first + i) * stride;
        jpeg_read_scanlines(decoder, batch, left);
        *rows_done = decoder->output_scanline - first;
        if (stops_at_damage && reader->damage) return isomer_jpeg_ok;
    }
    // Every pixel is there. Finishing also reads to the end marker, which tells whether the file was cut behind them.
    if (end == decoder->output_height) jpeg_finish_decompress(decoder);
    return isomer_jpeg_ok;
}

const char *isomer_jpeg_message(const isomer_jpeg_reader *reader) { return reader->message; }

int isomer_jpeg_damage(const isomer_jpeg_reader *reader) { return reader->damage; }

void isomer_jpeg_close(isomer_jpeg_reader *reader) {
    if (!reader) return;
    if (!setjmp(reader->escape)) jpeg_destroy_decompress(&reader->decoder);
    free(reader);
}
