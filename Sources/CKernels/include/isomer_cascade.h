// Boosted cascades over one picture: every window position is tried until a stage refuses it.
#ifndef ISOMER_CASCADE_H
#define ISOMER_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// What a node asks.
typedef enum {
    // Whether the local binary pattern of a 3×3 grid of boxes is in a set of 256.
    ISOMER_CASCADE_LBP = 0,
    // Whether a weighted sum of boxes, divided by the window's deviation, is below a threshold.
    ISOMER_CASCADE_HAAR = 1,
} isomer_cascade_kind;

// A node of a tree; `left` and `right` are nodes of the same tree if positive, else leaves with the opposite number.
typedef struct {
    int32_t left, right, feature;
    float threshold;
    uint32_t subset[8];
} isomer_cascade_node;

typedef struct {
    isomer_cascade_kind kind;
    int32_t stage_count;
    // Tree number of each stage's first tree, and one more.
    const int32_t *stage_trees;
    const float *stage_thresholds;
    // First node and first leaf of each tree.
    const int32_t *tree_nodes, *tree_leaves;
    const isomer_cascade_node *nodes;
    const float *leaves;
    // Where a feature's corners lie in the table of sums, from the window's own corner: 16 for LBP (a 4×4 grid), 12 for HAAR (three boxes).
    const int32_t *offsets;
    // Three weights a feature; HAAR only.
    const float *weights;
    int32_t window_width, window_height;
    // Pixels of the largest box of any feature; LBP only.
    int32_t largest_box;
} isomer_cascade;

typedef struct {
    int32_t x, y;
    // By how much the last stage's sum exceeded its threshold.
    float score;
} isomer_cascade_hit;

// `sums` (and for HAAR `squares`) are tables of (width + 1)·(height + 1) sums over everything above and to the left, `stride` apart.
// Tries the windows whose corners are multiples of `step`; one that fails at once makes its right neighbour be skipped.
// Answers how many passed; the first `capacity` are in `hits`.
size_t isomer_cascade_scan(
    const isomer_cascade *cascade, const uint32_t *sums, const uint64_t *squares, int32_t stride, int32_t width, int32_t height,
    int32_t step, isomer_cascade_hit *hits, size_t capacity);

// Makes the tables for 8-bit gray samples. `squares` may be null.
void isomer_cascade_sums(const uint8_t *gray, int32_t width, int32_t height, uint32_t *sums, uint64_t *squares);

// Whether a scan can go over 16-bit sums, of which vectors hold twice as many: sums of whole pictures wrap, but their differences over a
// small box do not.
bool isomer_cascade_is_narrow(isomer_level level, const isomer_cascade *cascade, int32_t step);

// Makes such a table for 8-bit gray samples, of the same size and with rows width + 1 apart. With steps of 2 each row has its columns of even
// numbers first, then those of odd ones, so that the windows that are looked at lie side by side; the offsets of features must know.
void isomer_cascade_narrow_sums(const uint8_t *gray, int32_t width, int32_t height, int32_t step, uint16_t *sums);

// The same scan over such a table. It reads whole vectors: the table has ISOMER_CASCADE_PADDING numbers more behind its end, which do not
// matter.
size_t isomer_cascade_narrow_scan(
    isomer_level level, const isomer_cascade *cascade, const uint16_t *sums, int32_t width, int32_t height, int32_t step,
    isomer_cascade_hit *hits, size_t capacity);

#define ISOMER_CASCADE_PADDING 32

#endif
