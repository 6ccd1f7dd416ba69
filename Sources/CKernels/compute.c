#include "compute_kernels.h"

const compute_kernels *isomer_compute_kernels(isomer_level level) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AMX) return isomer_compute_kernels_amx();
    if (level >= ISOMER_LEVEL_AVX512BF16) return isomer_compute_kernels_avx512bf16();
    if (level >= ISOMER_LEVEL_AVX512) return isomer_compute_kernels_avx512();
    if (level >= ISOMER_LEVEL_AVX2) return isomer_compute_kernels_avx2();
#endif
    (void)level;
    return isomer_compute_kernels_baseline();
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

size_t isomer_matrix_scratch(void) {
    const size_t packing = 2 * TILE_COLUMNS * WIDENED_STRIDE;
    const size_t direct = TILE_ROWS * TILE_COLUMNS + BLOCK_ROWS * PACKED_STRIDE;
    const size_t few = packing + TILE_ROWS * TILE_COLUMNS + BLOCK_DEPTH * TILE_COLUMNS + FEW_ROWS * PACKED_STRIDE;
    const size_t turned = BLOCK_ROWS * (TURNED_STRIDE + PACKED_STRIDE) + TILE_COLUMNS * WIDENED_STRIDE;
    const size_t winograd = WINOGRAD_SUMS * TILE_COLUMNS + WINOGRAD_ROWS * PACKED_STRIDE;
    const size_t winograd_turned = WINOGRAD_SUMS * TILE_COLUMNS + packing + WINOGRAD_ROWS * PACKED_STRIDE;
    return larger(larger(few, turned), larger(larger(direct, winograd), winograd_turned)) * sizeof(float);
}

isomer_matrix_plan isomer_matrix_planned(isomer_level level, const isomer_matrix_job *job) {
    return isomer_compute_kernels(level)->plan(job);
}

void isomer_matrix_pack(isomer_level level, const isomer_matrix_job *job, size_t first_column, size_t end_column, void *packed,
                        void *scratch) {
    isomer_compute_kernels(level)->pack(job, first_column, end_column, level, packed, scratch);
}

void isomer_matrix_run(isomer_level level, const isomer_matrix_job *job, const void *packed, size_t first_strip, size_t end_strip,
                       size_t first_column, size_t end_column, void *scratch) {
    isomer_compute_kernels(level)->matrix(job, packed, first_strip, end_strip, first_column, end_column, level, scratch);
}

void isomer_matrix_few_rows(isomer_level level, const isomer_matrix_job *job, size_t first_output, size_t end_output, void *scratch) {
    isomer_compute_kernels(level)->few_rows(job, first_output, end_output, level, scratch);
}

static size_t whole(size_t count, size_t columns) { return (count + columns - 1) / columns * columns; }

size_t isomer_attention_packed(isomer_level level, const isomer_attention_job *job) {
    const size_t columns = isomer_compute_kernels(level)->columns;
    // Enough for numbers; pairs take half.
    return whole(job->keys, columns) * job->head_size + job->keys * whole(job->head_size, columns);
}

size_t isomer_attention_scratch(size_t head_size) {
    return ((QUERY_ROWS + TILE_ROWS) * PACKED_STRIDE + QUERY_ROWS * whole(head_size, TILE_COLUMNS)) * sizeof(float);
}

size_t isomer_attention_queries(void) { return QUERY_ROWS; }

void isomer_attention_pack(isomer_level level, const isomer_attention_job *job, size_t image, size_t head) {
    isomer_compute_kernels(level)->attention_pack(job, image, head);
}

void isomer_attention_run(
    isomer_level level, const isomer_attention_job *job, size_t image, size_t head, size_t first, size_t end, void *scratch) {
    isomer_compute_kernels(level)->attention(job, image, head, first, end, scratch);
}

void isomer_group_moments(isomer_level level, const float *input, size_t rows, size_t channels, size_t groups, float *scratch,
                          double *means, double *deviations) {
    isomer_compute_kernels(level)->group_moments(input, rows, channels, groups, scratch, means, deviations);
}

void isomer_scale_shift(isomer_level level, const float *input, float *output, size_t rows, size_t channels, const float *scale,
                        const float *shift, isomer_activation activation, bool is_large) {
    isomer_compute_kernels(level)->scale_shift(input, output, rows, channels, scale, shift, activation, is_large);
}

void isomer_row_norm(isomer_level level, const float *input, float *output, size_t rows, size_t channels, const float *scale,
                     const float *shift, float epsilon, bool is_root_mean_square) {
    isomer_compute_kernels(level)->row_norm(input, output, rows, channels, scale, shift, epsilon, is_root_mean_square);
}

void isomer_activate(isomer_level level, const float *input, float *output, size_t count, isomer_activation activation) {
    isomer_compute_kernels(level)->activate(input, output, count, activation);
}

void isomer_gate(isomer_level level, const float *input, float *output, size_t rows, size_t width, isomer_activation activation) {
    isomer_compute_kernels(level)->gate(input, output, rows, width, activation);
}

void isomer_add_scaled(isomer_level level, const float *a, const float *b, float scale, float *output, size_t count) {
    isomer_compute_kernels(level)->add_scaled(a, b, scale, output, count);
}

float isomer_magnitude(isomer_level level, const float *input, size_t count) {
    return isomer_compute_kernels(level)->magnitude(input, count);
}
