// Every level's products, convolutions and attention against plain loops, on random sizes that fill no tile. Prints what fails.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static uint64_t state = 1;
static uint64_t next(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; }
static size_t size_up_to(size_t most) { return 1 + next() % most; }
static int failures = 0;

static float *numbers(size_t count) {
    float *made = malloc(count * 4 + 4);
    for (size_t i = 0; i < count; i++) made[i] = (float)next() / 0x40000000 - 1;
    return made;
}

static void *memory(size_t bytes) {
    void *made = aligned_alloc(64, (bytes + 127) / 64 * 64);
    // What was not written must not be read: NaN would show.
    memset(made, 0xFF, (bytes + 127) / 64 * 64);
    return made;
}

static void compare(const char *what, isomer_level level, const float *found, const double *wanted, size_t count, double bound) {
    double peak = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double apart = fabs(found[i] - wanted[i]);
        if (fabs(wanted[i]) > peak) peak = fabs(wanted[i]);
        if (!(apart <= worst)) worst = apart;
    }
    if (worst <= bound * peak) return;
    failures++;
    printf("%s, level %d: off by %g of the largest number, more than %g\n", what, (int)level, worst / peak, bound);
}

static void check_matrix(isomer_level level, bool rounds, bool is_linear, bool is_large) {
    isomer_matrix_job job = {0};
    job.kernel_height = job.kernel_width = is_linear ? 1 : 3;
    job.images = is_linear ? 1 : size_up_to(2);
    job.stride = is_linear ? 1 : size_up_to(2);
    job.magnification = is_linear || (is_large && job.stride > 1) ? 1 : size_up_to(2);
    // Large enough for Winograd's scheme to pay, mostly, or with more weights than squares.
    const bool is_deep = is_large && next() % 3 == 0;
    const size_t least = is_large ? 10 * job.stride : 2, more = is_deep ? job.stride > 1 ? 40 : 4 : is_large ? job.stride > 1 ? 90 : 20 : 9;
    job.input_height = is_linear ? 1 : least + size_up_to(more);
    job.input_width = is_linear ? size_up_to(next() % 3 ? 150 : 600) : least + size_up_to(more);
    const size_t trailing = job.kernel_height / 2;
    job.pad_top = job.pad_left = next() % 4 ? trailing : 0;
    job.output_height = (job.input_height * job.magnification + job.pad_top + trailing - job.kernel_height) / job.stride + 1;
    job.output_width = (job.input_width * job.magnification + job.pad_left + trailing - job.kernel_width) / job.stride + 1;
    job.channels = size_up_to(is_linear ? 1500 : is_large ? 40 : 150) + (is_large ? 15 : 0);
    if (is_deep) job.channels = size_up_to(next() % 2 ? 1100 : 100) + 15;
    // Sometimes as few as a picture has.
    job.outputs = is_deep ? size_up_to(100) + 60 : next() % 4 ? size_up_to(90) + (is_large ? 15 : 0) : is_large ? size_up_to(5) : size_up_to(30);
    job.input_stride = job.channels + (next() % 2 ? size_up_to(5) : 0);
    // Rows that fall into the same sets of a cache are not used where they lie.
    if (is_linear && next() % 8 == 0) job.input_stride = (job.channels + 511) / 512 * 512;
    job.output_stride = job.outputs;
    job.residual_stride = job.outputs;
    const size_t rows = job.images * job.output_height * job.output_width, pixels = job.output_height * job.output_width;
    const size_t taps = job.kernel_height * job.kernel_width, inputs = job.images * job.input_height * job.input_width;
    float *weights = numbers(job.outputs * job.channels * taps);
    float *bias = numbers(job.outputs), *image_bias = numbers(job.images * job.outputs), *residual = numbers(rows * job.outputs);
    job.input = numbers(inputs * job.input_stride);
    job.weights = weights;
    job.weight_type = ISOMER_F32;
    uint16_t *narrow = malloc(job.outputs * job.channels * taps * 2);
    if (next() % 2) {
        for (size_t i = 0; i < job.outputs * job.channels * taps; i++) {
            uint32_t bits;
            memcpy(&bits, weights + i, 4);
            narrow[i] = (uint16_t)(bits >> 16), bits &= 0xFFFF0000;
            memcpy(weights + i, &bits, 4);
        }
        job.weights = narrow;
        job.weight_type = ISOMER_BF16;
    }
    if (next() % 2) job.bias = bias;
    if (next() % 2) job.image_bias = image_bias;
    if (next() % 2) job.residual = residual;
    job.scale = next() % 2 ? 1 : 0.5f;
    job.rounds_to_bf16 = rounds;
    job.output = memory(rows * job.outputs * 4);

    const isomer_matrix_plan plan = isomer_matrix_planned(level, &job);
    const size_t panels = (plan.columns + plan.panel - 1) / plan.panel;
    void *packed = memory(panels * plan.panel_bytes), *scratch = memory(isomer_matrix_scratch());
    // Any range of columns, and any run of strips, more than make a block too.
    for (size_t panel = 0, end_panel; panel < panels; panel = end_panel) {
        end_panel = panel + 1 + next() % panels;
        if (end_panel > panels) end_panel = panels;
        const size_t first_column = panel * plan.panel, end_column = end_panel < panels ? end_panel * plan.panel : plan.columns;
        uint8_t *place = (uint8_t *)packed + panel * plan.panel_bytes;
        isomer_matrix_pack(level, &job, first_column, end_column, place, scratch);
        memset(scratch, 0xFF, isomer_matrix_scratch());
        for (size_t first = 0, end; first < plan.strips; first = end) {
            end = first + 1 + next() % (2 * plan.block);
            if (end > plan.strips) end = plan.strips;
            isomer_matrix_run(level, &job, place, first, end, first_column, end_column, scratch);
        }
    }

    double *wanted = malloc(rows * job.outputs * sizeof(double));
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < job.outputs; n++) {
            const size_t image = m / pixels, y = m % pixels / job.output_width, x = m % job.output_width;
            double sum = 0;
            for (size_t ky = 0; ky < job.kernel_height; ky++)
                for (size_t kx = 0; kx < job.kernel_width; kx++) {
                    const size_t py = y * job.stride + ky - job.pad_top, px = x * job.stride + kx - job.pad_left;
                    if (py >= job.input_height * job.magnification || px >= job.input_width * job.magnification) continue;
                    const float *pixel = job.input + ((image * job.input_height + py / job.magnification) * job.input_width + px / job.magnification) * job.input_stride;
                    for (size_t c = 0; c < job.channels; c++)
                        sum += (double)pixel[c] * weights[(n * job.channels + c) * taps + ky * job.kernel_width + kx];
                }
            if (job.bias) sum += bias[n];
            if (job.image_bias) sum += image_bias[image * job.outputs + n];
            sum *= job.scale;
            if (job.residual) sum += residual[m * job.outputs + n];
            wanted[m * job.outputs + n] = sum;
        }
    const bool is_winograd = plan.way == ISOMER_MATRIX_WINOGRAD || plan.way == ISOMER_MATRIX_WINOGRAD_TURNED;
    const char *what = is_winograd ? job.stride > 1 ? "Winograd's convolution with stride 2" : "Winograd's convolution" : is_linear ? "linear map" : "convolution";
    // The squares of stride 2 lose up to four times what plain sums do.
    const bool has_squares = is_winograd && job.stride > 1;
    compare(what, level, job.output, wanted, rows * job.outputs, rounds ? has_squares ? 2e-2 : 1e-2 : 2e-6);
    if (plan.way == ISOMER_MATRIX_FEW_ROWS) {
        memset(job.output, 0xFF, rows * job.outputs * 4);
        memset(scratch, 0xFF, isomer_matrix_scratch());
        for (size_t n = 0; n < job.outputs; n += 2 * plan.panel)
            isomer_matrix_few_rows(level, &job, n, n + 2 * plan.panel < job.outputs ? n + 2 * plan.panel : job.outputs, scratch);
        compare(what, level, job.output, wanted, rows * job.outputs, rounds ? 1e-2 : 2e-6);
    }
    free(narrow);
    free((void *)job.input), free(weights), free(bias), free(image_bias), free(residual), free(job.output), free(packed), free(scratch), free(wanted);
}

static void check_attention(isomer_level level, bool rounds) {
    isomer_attention_job job = {0};
    job.images = size_up_to(2), job.heads = size_up_to(3), job.head_size = size_up_to(170), job.queries = size_up_to(130);
    job.is_causal = next() % 2;
    job.keys = job.is_causal ? job.queries : size_up_to(400);
    job.scale = 1 / sqrtf((float)job.head_size);
    job.rounds_to_bf16 = rounds;
    const size_t width = job.heads * job.head_size;
    job.query_stride = job.key_stride = job.value_stride = job.output_stride = width;
    float *mask = numbers(job.queries * job.keys);
    if (next() % 2) job.mask = mask, job.mask_query_stride = job.keys;
    job.query = numbers(job.images * job.queries * width);
    job.key = numbers(job.images * job.keys * width);
    job.value = numbers(job.images * job.keys * width);
    job.output = memory(job.images * job.queries * width * 4);
    job.packed = memory(isomer_attention_packed(level, &job) * job.images * job.heads * 4);
    void *scratch = memory(isomer_attention_scratch(job.head_size));
    double *wanted = malloc(job.images * job.queries * width * sizeof(double)), *scores = malloc(job.keys * sizeof(double));
    for (size_t image = 0; image < job.images; image++)
        for (size_t head = 0; head < job.heads; head++) {
            isomer_attention_pack(level, &job, image, head);
            isomer_attention_run(level, &job, image, head, 0, job.queries, scratch);
            for (size_t q = 0; q < job.queries; q++) {
                const size_t keys = job.is_causal ? q + 1 : job.keys, row = (image * job.queries + q) * width + head * job.head_size;
                double most = -INFINITY, total = 0;
                for (size_t k = 0; k < keys; k++) {
                    double score = 0;
                    for (size_t c = 0; c < job.head_size; c++)
                        score += (double)job.query[row + c] * job.key[(image * job.keys + k) * width + head * job.head_size + c];
                    scores[k] = score * job.scale + (job.mask ? mask[q * job.keys + k] : 0);
                    most = fmax(most, scores[k]);
                }
                for (size_t k = 0; k < keys; k++) total += scores[k] = exp(scores[k] - most);
                for (size_t c = 0; c < job.head_size; c++) {
                    double sum = 0;
                    for (size_t k = 0; k < keys; k++) sum += scores[k] * job.value[(image * job.keys + k) * width + head * job.head_size + c];
                    wanted[row + c] = sum / total;
                }
            }
        }
    compare("attention", level, job.output, wanted, job.images * job.queries * width, rounds ? 2e-2 : 5e-6);
    free(mask), free((void *)job.query), free((void *)job.key), free((void *)job.value), free(job.output), free(job.packed), free(scratch);
    free(wanted), free(scores);
}

// The passes of the resampler, which are exact, against plain loops.
static void check_resampling(isomer_level level) {
    const size_t inputs = 40 + size_up_to(90), row_bytes = size_up_to(150), outputs = size_up_to(40), capacity = size_up_to(24);
    uint8_t *source = memory((inputs + 1) * row_bytes + 64), *target = memory(outputs * row_bytes), *turned = memory(inputs * row_bytes);
    int32_t *first = memory(outputs * sizeof *first), *counts = memory(outputs * sizeof *counts);
    int32_t *weights = memory(outputs * capacity * sizeof *weights);
    for (size_t i = 0; i < inputs * row_bytes; i++) source[i] = (uint8_t)next();
    for (size_t i = 0; i < outputs; i++) {
        counts[i] = (int32_t)size_up_to(capacity);
        first[i] = (int32_t)(next() % (inputs - (size_t)counts[i]));
        for (int32_t t = 0; t < counts[i]; t++)
            weights[i * capacity + (size_t)t] = (int32_t)(next() % (1 << 22)) * 2 / counts[i] - (1 << 20) / counts[i];
    }
    isomer_resample_filter filter = {outputs, capacity, first, counts, weights, NULL};
    const isomer_level suited = isomer_resample_level(level, &filter, 0);
    void *packed = memory(isomer_resample_packed_bytes(suited, &filter, 0) + 64);
    isomer_resample_pack(suited, &filter, 0, packed);
    filter.packed = packed;
    isomer_resample_columns(suited, source, (ptrdiff_t)row_bytes, target, row_bytes, 0, outputs, row_bytes, &filter);
    size_t wrong = 0;
    for (size_t i = 0; i < outputs; i++) {
        for (size_t x = 0; x < row_bytes; x++) {
            int64_t sum = 1 << 21;
            for (int32_t t = 0; t < counts[i]; t++)
                sum += (int64_t)source[(size_t)(first[i] + t) * row_bytes + x] * weights[i * capacity + (size_t)t];
            sum >>= 22;
            wrong += target[i * row_bytes + x] != (sum < 0 ? 0 : sum > 255 ? 255 : sum);
        }
    }
    isomer_transpose_bytes(source, row_bytes, turned, inputs, row_bytes, inputs);
    for (size_t y = 0; y < inputs; y++)
        for (size_t x = 0; x < row_bytes; x++) wrong += turned[x * inputs + y] != source[y * row_bytes + x];
    if (wrong > 0) {
        printf("resampling at level %d: %zu of %zux%zu bytes differ\n", (int)level, wrong, outputs, row_bytes);
        failures++;
    }
    free(source), free(target), free(turned), free(first), free(counts), free(weights), free(packed);
}

int main(int count, char **words) {
    const int rounds = count > 1 ? atoi(words[1]) : 12;
    for (int level = ISOMER_LEVEL_BASELINE; level <= ISOMER_LEVEL_AMX; level++) {
#ifdef ISOMER_AMX_MODEL
        const bool is_there = isomer_level_supported(level) || level == ISOMER_LEVEL_AMX;
#else
        const bool is_there = isomer_level_supported(level);
#endif
        printf("level %d %s\n", level, is_there ? "" : "is not here");
        for (int round = 0; is_there && round < rounds; round++) {
            check_resampling(level);
            for (int bf16 = 0; bf16 < 2; bf16++) {
                check_matrix(level, bf16, true, false);
                check_matrix(level, bf16, false, false);
                check_matrix(level, bf16, false, true);
                check_attention(level, bf16);
            }
        }
    }
    printf("%d failures\n", failures);
    return failures > 0;
}
