#include "isomer_png.h"

#include <string.h>

static inline uint32_t magnitude(uint8_t value) { return value < 128 ? value : 256u - value; }

static uint32_t sum_of(const uint8_t *bytes, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += magnitude(bytes[i]);
    return sum;
}

static inline int16_t distance(int16_t value) { return value < 0 ? (int16_t)-value : value; }

// a left, b above, c above left. Written without branches so that compilers vectorise it.
static inline uint8_t paeth(uint8_t a, uint8_t b, uint8_t c) {
    const int16_t da = distance((int16_t)(b - c)), db = distance((int16_t)(a - c)), dc = distance((int16_t)(a + b - 2 * c));
    const uint8_t upper = db <= dc ? b : c;
    return da <= db && da <= dc ? a : upper;
}

void isomer_png_filter_row(
    const uint8_t *row, const uint8_t *prior, size_t count, size_t pixel_bytes, uint8_t *output, uint8_t *scratch) {
    uint8_t *sub = scratch, *up = sub + count, *average = up + count, *predicted = average + count;
    const size_t edge = pixel_bytes < count ? pixel_bytes : count;
    for (size_t i = 0; i < edge; i++) {
        sub[i] = row[i];
        up[i] = (uint8_t)(row[i] - prior[i]);
        average[i] = (uint8_t)(row[i] - prior[i] / 2);
        predicted[i] = (uint8_t)(row[i] - prior[i]);
    }
    const size_t back = pixel_bytes;
    for (size_t i = edge; i < count; i++) sub[i] = (uint8_t)(row[i] - row[i - back]);
    for (size_t i = edge; i < count; i++) up[i] = (uint8_t)(row[i] - prior[i]);
    for (size_t i = edge; i < count; i++) average[i] = (uint8_t)(row[i] - (row[i - back] + prior[i]) / 2);
    for (size_t i = edge; i < count; i++) predicted[i] = (uint8_t)(row[i] - paeth(row[i - back], prior[i], prior[i - back]));

    const uint8_t *candidates[5] = {row, sub, up, average, predicted};
    int best = 0;
    uint32_t least = UINT32_MAX;
    for (int filter = 0; filter < 5; filter++) {
        const uint32_t sum = sum_of(candidates[filter], count);
        if (sum < least) {
            least = sum;
            best = filter;
        }
    }
    output[0] = (uint8_t)best;
    memcpy(output + 1, candidates[best], count);
}
