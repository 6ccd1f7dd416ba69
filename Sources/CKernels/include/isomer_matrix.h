// Matrix products and convolutions of f32 activations with weights of any floating type.
#ifndef ISOMER_MATRIX_H
#define ISOMER_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include "isomer_blocks.h"
#include "isomer_cast.h"
#include "isomer_level.h"

// What is applied to each number on its way out.
typedef enum {
    ISOMER_ACTIVATION_NONE,
    // x · sigmoid(x)
    ISOMER_ACTIVATION_SILU,
    // x · Φ(x), by erf
    ISOMER_ACTIVATION_GELU,
    // The same by tanh(√(2/π) (x + 0.044715 x³))
    ISOMER_ACTIVATION_GELU_TANH,
    // x · sigmoid(1.702 x)
    ISOMER_ACTIVATION_QUICK_GELU,
    ISOMER_ACTIVATION_RELU,
    ISOMER_ACTIVATION_TANH,
} isomer_activation;

// One convolution over pictures stored channels last, or one linear map, which is a 1×1 convolution over one row of pixels:
//
//     output[m][n] = scale · f(Σ input[pixel(m, tap)][c] · weights[n][c][tap] + bias[n] + image_bias[image(m)][n]) + residual[m][n]
//
// summed over channels c and taps; pixels outside of a picture are zeros. Nothing is unrolled into memory: rows are gathered while they are
// packed, a few at a time. Weights are packed first, once, and then used by all threads.
//
// Bounds, relative to the largest output: 2e-6 for f32 (a sum of n products is off by about √n · 6e-8; Winograd's transforms triple it) and
// 1e-2 for operands rounded to bf16.
typedef struct {
    const float *input;
    // Floats from one pixel to the next.
    size_t input_stride;
    size_t channels;
    size_t images, input_height, input_width;
    size_t output_height, output_width;
    size_t kernel_height, kernel_width;
    size_t stride;
    // Rows and columns of zeros before the first ones. As many as the output's size needs follow the last ones.
    size_t pad_top, pad_left;
    // Each pixel of the input stands for a square of `magnification` pixels' width: nearest upsampling before the convolution.
    size_t magnification;

    // [outputs][channels][kernel_height][kernel_width], without gaps, at any address.
    const void *weights;
    isomer_scalar weight_type;
    // Or blocks, of which each output has a whole number; kernels of one tap only.
    bool has_blocks;
    isomer_block_type block_type;
    size_t outputs;

    float *output;
    size_t output_stride;

    // May be null.
    const float *bias;
    // One row of `outputs` for each picture. May be null.
    const float *image_bias;
    // May be null; must not be `output` itself.
    const float *residual;
    size_t residual_stride;
    float scale;
    isomer_activation activation;

    // Rounds both operands to bf16. Sums are f32.
    bool rounds_to_bf16;
} isomer_matrix_job;

// Taps that a kernel may have.
#define ISOMER_MATRIX_TAPS 512

typedef enum {
    // Blocks of rows, each with all panels.
    ISOMER_MATRIX_STRAIGHT,
    // So few rows that isomer_matrix_few_rows does it sooner.
    ISOMER_MATRIX_FEW_ROWS,
    // Columns are pixels and rows outputs: linear maps of few rows, whose weights would take longer to pack than to use.
    ISOMER_MATRIX_TURNED,
    // 3×3 convolutions by Winograd's F(2×2, 3×3): 16 products for four pixels instead of 36, and 25 or fewer with stride 2.
    ISOMER_MATRIX_WINOGRAD,
    // The same turned around: columns are transformed squares and rows outputs, for few squares of many channels.
    ISOMER_MATRIX_WINOGRAD_TURNED,
    // Vectors of channels, for convolutions to very few outputs.
    ISOMER_MATRIX_SLIM,
} isomer_matrix_way;

// How a job is done: what follows from its sizes alone, never from the number of threads.
//
// A product has rows, which come in strips, and columns, which come in packed panels. Columns are outputs, whose weights are packed, and rows are
// the output's pixels; or, in a job turned around, the other way about.
typedef struct {
    isomer_matrix_way way;
    size_t columns;
    // Columns that are made together. Ranges of columns begin at multiples of it.
    size_t panel;
    // Bytes of a packed panel, a multiple of 64.
    size_t panel_bytes;
    // Strips that the rows come in, the same for every range of columns.
    size_t strips;
    // Panels of columns that are worth a run of their own, if there is one for each range of columns. Zero if not.
    size_t part;
    // Strips that fill a tile, which is slower by the row if it is not full.
    size_t tile;
    // Strips that make a block, a multiple of it: as many as are best worked on together. Any number may be asked for.
    size_t block;
} isomer_matrix_plan;

isomer_matrix_plan isomer_matrix_planned(isomer_level level, const isomer_matrix_job *job);

// Bytes of scratch memory that one thread needs, at an address divisible by 64.
size_t isomer_matrix_scratch(void);

// Packs columns first_column ..< end_column, panel by panel, at an address divisible by 64.
void isomer_matrix_pack(isomer_level level, const isomer_matrix_job *job, size_t first_column, size_t end_column, void *packed,
                        void *scratch);

// Makes columns first_column ..< end_column of strips first_strip ..< end_strip. `packed` begins with the panel of first_column.
void isomer_matrix_run(isomer_level level, const isomer_matrix_job *job, const void *packed, size_t first_strip, size_t end_strip,
                       size_t first_column, size_t end_column, void *scratch);

// Makes outputs first_output ..< end_output of all rows of a job that has few, packing its weights as it goes.
void isomer_matrix_few_rows(isomer_level level, const isomer_matrix_job *job, size_t first_output, size_t end_output, void *scratch);

#endif
