#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct {
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
} writer_errors;

static void fail(j_common_ptr common) {
    writer_errors *errors = (writer_errors *)common->err;
    common->err->format_message(common, errors->message);
    longjmp(errors->escape, 1);
}

static void silent(j_common_ptr common) { (void)common; }

isomer_jpeg_status isomer_jpeg_write(
    const uint8_t *rows, size_t stride, const isomer_jpeg_settings *settings, const isomer_jpeg_segment *segments,
    size_t segment_count, uint8_t **output, size_t *output_count, char *message) {
    struct jpeg_compress_struct encoder;
    writer_errors errors;
    // `written` has its address taken, so it lives in memory and is current after a longjmp.
    unsigned char *written = NULL;
    unsigned long capacity = 0;
    memset(&encoder, 0, sizeof encoder);
    errors.message[0] = 0;
    message[0] = 0;
    *output = NULL;
    *output_count = 0;
    encoder.err = jpeg_std_error(&errors.errors);
    errors.errors.error_exit = fail;
    errors.errors.output_message = silent;
    if (setjmp(errors.escape)) {
        snprintf(message, 200, "%s", errors.message);
        // jpeg_mem_dest tells the last block's address only when it is finished; on failure, that block is lost with it.
        if (encoder.dest) encoder.dest->term_destination(&encoder);
        jpeg_destroy_compress(&encoder);
        free(written);
        return isomer_jpeg_misuse;
    }
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &written, &capacity);
    encoder.image_width = settings->width;
    encoder.image_height = settings->height;
    encoder.input_components = settings->components;
    encoder.in_color_space = settings->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, settings->quality, TRUE);
    encoder.optimize_coding = settings->optimise ? TRUE : FALSE;
    if (settings->full_colour && settings->components == 3) {
        encoder.comp_info[0].h_samp_factor = 1;
        encoder.comp_info[0].v_samp_factor = 1;
    }
    if (settings->progressive) jpeg_simple_progression(&encoder);
    jpeg_start_compress(&encoder, TRUE);
    for (size_t i = 0; i < segment_count; i++)
        jpeg_write_marker(&encoder, JPEG_APP0 + segments[i].application, segments[i].bytes, (unsigned)segments[i].count);
    while (encoder.next_scanline < encoder.image_height) {
        JSAMPROW row = (JSAMPROW)(rows + (size_t)encoder.next_scanline * stride);
        jpeg_write_scanlines(&encoder, &row, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    *output = written;
    *output_count = capacity;
    return isomer_jpeg_ok;
}

void isomer_jpeg_free(uint8_t *output) { free(output); }
