#include "isomer_cascade.h"

#include <math.h>
#include <string.h>

#include "cascade_narrow.h"

void isomer_cascade_sums(const uint8_t *gray, int32_t width, int32_t height, uint32_t *sums, uint64_t *squares) {
    const size_t stride = (size_t)width + 1;
    memset(sums, 0, stride * sizeof *sums);
    if (squares) memset(squares, 0, stride * sizeof *squares);
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *row = gray + (size_t)y * (size_t)width;
        uint32_t *out = sums + ((size_t)y + 1) * stride;
        uint32_t sum = 0;
        out[0] = 0;
        for (int32_t x = 0; x < width; x++) {
            sum += row[x];
            out[x + 1] = out[x + 1 - (ptrdiff_t)stride] + sum;
        }
        if (!squares) continue;
        uint64_t *square_out = squares + ((size_t)y + 1) * stride;
        uint64_t square = 0;
        square_out[0] = 0;
        for (int32_t x = 0; x < width; x++) {
            square += (uint64_t)row[x] * row[x];
            square_out[x + 1] = square_out[x + 1 - (ptrdiff_t)stride] + square;
        }
    }
}

static inline uint32_t box(const uint32_t *p, int32_t a, int32_t b, int32_t c, int32_t d) { return p[a] - p[b] - p[c] + p[d]; }

// Eight neighbours of the middle box, clockwise from the upper left, first in the top bit: set if at least as bright.
static inline unsigned pattern(const uint32_t *p, const int32_t *o) {
    const uint32_t middle = box(p, o[5], o[6], o[9], o[10]);
    return (unsigned)(box(p, o[0], o[1], o[4], o[5]) >= middle) << 7 | (unsigned)(box(p, o[1], o[2], o[5], o[6]) >= middle) << 6 |
           (unsigned)(box(p, o[2], o[3], o[6], o[7]) >= middle) << 5 | (unsigned)(box(p, o[6], o[7], o[10], o[11]) >= middle) << 4 |
           (unsigned)(box(p, o[10], o[11], o[14], o[15]) >= middle) << 3 | (unsigned)(box(p, o[9], o[10], o[13], o[14]) >= middle) << 2 |
           (unsigned)(box(p, o[8], o[9], o[12], o[13]) >= middle) << 1 | (unsigned)(box(p, o[4], o[5], o[8], o[9]) >= middle);
}

static inline float weighted(const uint32_t *p, const int32_t *o, const float *w) {
    float sum = w[0] * (float)(int32_t)box(p, o[0], o[1], o[2], o[3]) + w[1] * (float)(int32_t)box(p, o[4], o[5], o[6], o[7]);
    if (w[2] != 0) sum += w[2] * (float)(int32_t)box(p, o[8], o[9], o[10], o[11]);
    return sum;
}

// 1 over the deviation of the window without its border, times its area; 0 if it is flat.
static float normalisation(const isomer_cascade *c, const uint32_t *sums, const uint64_t *squares, int32_t stride) {
    const int32_t width = c->window_width - 2, height = c->window_height - 2;
    const int32_t a = stride + 1, b = a + width, d = a + height * stride, e = d + width;
    const double area = (double)width * height;
    const double sum = (double)box(sums, a, b, d, e);
    const double square = (double)(squares[a] - squares[b] - squares[d] + squares[e]);
    const double variance = area * square - sum * sum;
    if (variance <= 0) return 0;
    const float scale = (float)(1 / sqrt(variance));
    return area * scale < 0.1 ? scale : 0;
}

// The number of stages passed; `score` is set after the last one.
static inline int32_t passed(
    const isomer_cascade *c, const uint32_t *sums, const uint64_t *squares, int32_t stride, float *score) {
    float scale = 1;
    if (c->kind == ISOMER_CASCADE_HAAR) {
        scale = normalisation(c, sums, squares, stride);
        if (scale == 0) return 0;
    }
    for (int32_t stage = 0; stage < c->stage_count; stage++) {
        float sum = 0;
        for (int32_t tree = c->stage_trees[stage]; tree < c->stage_trees[stage + 1]; tree++) {
            const isomer_cascade_node *nodes = c->nodes + c->tree_nodes[tree];
            int32_t next = 0;
            do {
                const isomer_cascade_node *node = nodes + next;
                int is_left;
                if (c->kind == ISOMER_CASCADE_LBP) {
                    const unsigned code = pattern(sums, c->offsets + 16 * (size_t)node->feature);
                    is_left = (node->subset[code >> 5] >> (code & 31)) & 1;
                } else {
                    is_left = weighted(sums, c->offsets + 12 * (size_t)node->feature, c->weights + 3 * (size_t)node->feature) * scale <
                              node->threshold;
                }
                next = is_left ? node->left : node->right;
            } while (next > 0);
            sum += c->leaves[c->tree_leaves[tree] - next];
        }
        if (sum < c->stage_thresholds[stage]) return stage;
        *score = sum - c->stage_thresholds[stage];
    }
    return c->stage_count;
}

static bool has_only_stumps(const isomer_cascade *c) {
    for (int32_t tree = 0; tree < c->stage_trees[c->stage_count]; tree++) {
        const isomer_cascade_node *node = c->nodes + c->tree_nodes[tree];
        if (node->left > 0 || node->right > 0) return false;
    }
    return true;
}

bool isomer_cascade_is_narrow(isomer_level level, const isomer_cascade *cascade, int32_t step) {
#if defined(__x86_64__)
    // The largest sum of a box is the largest difference that 16 bits hold.
    return level >= ISOMER_LEVEL_AVX2 && cascade->kind == ISOMER_CASCADE_LBP && (step == 1 || step == 2) && cascade->stage_count > 0 &&
           cascade->largest_box <= UINT16_MAX / UINT8_MAX && has_only_stumps(cascade);
#else
    (void)level;
    (void)cascade;
    (void)step;
    (void)has_only_stumps;
    return false;
#endif
}

void isomer_cascade_narrow_sums(const uint8_t *gray, int32_t width, int32_t height, int32_t step, uint16_t *sums) {
    const size_t stride = (size_t)width + 1;
    const size_t odd = step == 2 ? (stride + 1) / 2 : 1;
    memset(sums, 0, stride * sizeof *sums);
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *row = gray + (size_t)y * (size_t)width;
        uint16_t *out = sums + ((size_t)y + 1) * stride;
        const uint16_t *above = out - stride;
        uint16_t sum = 0;
        out[0] = 0;
        // A column of an odd number, then one of an even number.
        const size_t next = step == 2 ? 1 : 2;
        size_t x = 0, place = 0;
        for (; x + 2 <= (size_t)width; x += 2) {
            sum = (uint16_t)(sum + row[x]);
            out[place + odd] = (uint16_t)(above[place + odd] + sum);
            place += next;
            sum = (uint16_t)(sum + row[x + 1]);
            out[place] = (uint16_t)(above[place] + sum);
        }
        if (x < (size_t)width) out[place + odd] = (uint16_t)(above[place + odd] + sum + row[x]);
    }
}

size_t isomer_cascade_narrow_scan(
    isomer_level level, const isomer_cascade *cascade, const uint16_t *sums, int32_t width, int32_t height, int32_t step,
    isomer_cascade_hit *hits, size_t capacity) {
    if (width < cascade->window_width || height < cascade->window_height) return 0;
#if defined(__x86_64__)
    cascade_narrow_scan *scan = level >= ISOMER_LEVEL_AVX512 ? isomer_cascade_scan_avx512 : isomer_cascade_scan_avx2;
    return scan(cascade, sums, width + 1, width, height, step, hits, capacity);
#else
    (void)level;
    (void)sums;
    (void)step;
    (void)hits;
    (void)capacity;
    return 0;
#endif
}

size_t isomer_cascade_scan(
    const isomer_cascade *cascade, const uint32_t *sums, const uint64_t *squares, int32_t stride, int32_t width, int32_t height,
    int32_t step, isomer_cascade_hit *hits, size_t capacity) {
    if (width < cascade->window_width || height < cascade->window_height) return 0;
    size_t found = 0;
    for (int32_t y = 0; y <= height - cascade->window_height; y += step) {
        for (int32_t x = 0; x <= width - cascade->window_width; x += step) {
            const size_t corner = (size_t)y * (size_t)stride + (size_t)x;
            float score = 0;
            const int32_t stages = passed(cascade, sums + corner, squares ? squares + corner : NULL, stride, &score);
            if (stages == cascade->stage_count) {
                if (found < capacity) hits[found] = (isomer_cascade_hit){x, y, score};
                found++;
            } else if (stages == 0) {
                x += step;
            }
        }
    }
    return found;
}
