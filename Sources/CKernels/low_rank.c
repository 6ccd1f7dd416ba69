#include <string.h>

#include "isomer_merge.h"

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

// Columns of a panel: what the tiles below have, or a multiple.
enum { PANEL = 32 };
typedef double wide __attribute__((vector_size(64)));

size_t isomer_low_rank_panels(size_t rank, size_t columns) { return (columns + PANEL - 1) / PANEL * PANEL * rank; }

void isomer_low_rank_pack(const float *right, size_t rank, size_t columns, double *panels) {
    for (size_t first = 0; first < columns; first += PANEL) {
        const size_t width = columns - first < PANEL ? columns - first : PANEL;
        for (size_t r = 0; r < rank; r++, panels += PANEL) {
            const float *source = right + r * columns + first;
            for (size_t n = 0; n < width; n++) panels[n] = (double)source[n];
            for (size_t n = width; n < PANEL; n++) panels[n] = 0;
        }
    }
}

// sums[i][n] = Σ rows[i][r] · panel[r][n] for HEIGHT rows and 8 · WIDTH columns, which stay in registers. The products are exact, so that fusing
// them with the sums changes no bit.
#define TILE(NAME, HEIGHT, WIDTH)                                                                                                          \
    INLINE void NAME(const double *const rows[HEIGHT], const double *panel, size_t rank, double (*sums)[PANEL]) {                          \
        _Pragma("clang fp contract(fast)") wide sum[HEIGHT][WIDTH] = {0};                                                                  \
        for (size_t r = 0; r < rank; r++) {                                                                                                \
            wide x[WIDTH];                                                                                                                 \
            for (int j = 0; j < WIDTH; j++) memcpy(&x[j], panel + r * PANEL + 8 * j, sizeof x[j]);                                         \
            for (int i = 0; i < HEIGHT; i++)                                                                                               \
                for (int j = 0; j < WIDTH; j++) sum[i][j] += rows[i][r] * x[j];                                                            \
        }                                                                                                                                  \
        for (int i = 0; i < HEIGHT; i++)                                                                                                   \
            for (int j = 0; j < WIDTH; j++) memcpy(sums[i] + 8 * j, &sum[i][j], sizeof sum[i][j]);                                         \
    }

INLINE void add_sums(const double *sums, size_t count, double factor, float *output) {
    for (size_t n = 0; n < count; n++) output[n] = (float)((double)output[n] + factor * sums[n]);
}

// Panel by panel, so that one stays in a core's own cache while all rows go by.
#define LEVEL(NAME, TARGET, HEIGHT, WIDTH)                                                                                                 \
    TILE(tile_##NAME, HEIGHT, WIDTH)                                                                                                       \
    TARGET static void add_low_rank_##NAME(const double *left, const double *panels, size_t rows, size_t columns, size_t rank,             \
                                           double factor, float *output) {                                                                 \
        for (size_t first = 0; first < columns; first += PANEL) {                                                                          \
            const double *panel = panels + first * rank;                                                                                   \
            const size_t width = columns - first < PANEL ? columns - first : PANEL;                                                        \
            for (size_t top = 0; top < rows; top += HEIGHT) {                                                                              \
                const double *row[HEIGHT];                                                                                                 \
                double sums[HEIGHT][PANEL];                                                                                                \
                /* Below the last row its sums are made again, for nobody. */                                                              \
                for (size_t i = 0; i < HEIGHT; i++) row[i] = left + (top + i < rows ? top + i : rows - 1) * rank;                          \
                for (size_t n = 0; n < PANEL; n += 8 * WIDTH) tile_##NAME(row, panel + n, rank, (double (*)[PANEL])(sums[0] + n));          \
                for (size_t i = 0; i < HEIGHT && top + i < rows; i++) {                                                                    \
                    float *place = output + (top + i) * columns + first;                                                                   \
                    if (width == PANEL)                                                                                                    \
                        add_sums(sums[i], PANEL, factor, place);                                                                           \
                    else                                                                                                                   \
                        add_sums(sums[i], width, factor, place);                                                                           \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

LEVEL(baseline, , 2, 1)
#if defined(__x86_64__)
LEVEL(avx2, __attribute__((target("avx2,fma"))), 6, 1)
LEVEL(avx512, __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl,avx512bw"))), 6, 4)
#endif

void isomer_add_low_rank(isomer_level level, const double *left, const double *panels, size_t rows, size_t columns, size_t rank, double factor,
                         float *output) {
#if defined(__x86_64__)
    if (level >= ISOMER_LEVEL_AVX512) return add_low_rank_avx512(left, panels, rows, columns, rank, factor, output);
    if (level >= ISOMER_LEVEL_AVX2) return add_low_rank_avx2(left, panels, rows, columns, rank, factor, output);
#endif
    (void)level;
    add_low_rank_baseline(left, panels, rows, columns, rank, factor, output);
}
