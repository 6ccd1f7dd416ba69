// Matrix products and convolutions of f32 activations with weights of any floating type.
#ifndef ISOMER_MATRIX_H
#define ISOMER_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

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
// packed, a few at a time.
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
    size_t outputs;

    float *output;
    size_t output_stride;

    // May be null.
    const float *bias;
    // One row of `outputs` for each picture. May be null.
    const float *image_bias;
    // May be null; may be `output` itself.
    const float *residual;
    size_t residual_stride;
    float scale;
    isomer_activation activation;

    // Rounds both operands to bf16. Sums are f32.
    bool rounds_to_bf16;
} isomer_matrix_job;

// Taps that a kernel may have.
#define ISOMER_MATRIX_TAPS 512

// Bytes of scratch memory that one thread needs, at an address divisible by 64.
size_t isomer_matrix_scratch(void);

// Outputs that are made together: a thread's range of outputs should begin at a multiple of it.
size_t isomer_matrix_panel(isomer_level level);

// Rows that are made together.
size_t isomer_matrix_rows(isomer_level level);

// Makes rows first_row ..< end_row (of images · output_height · output_width) of outputs first_output ..< end_output.
void isomer_matrix_run(isomer_level level, const isomer_matrix_job *job, size_t first_row, size_t end_row, size_t first_output,
                       size_t end_output, void *scratch);

#endif
