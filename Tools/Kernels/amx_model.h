// The tile instructions as arithmetic, for machines without them: compute_amx.c is compiled with -DISOMER_AMX_MODEL='"amx_model.h"'.
//
// Reference: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS: each sum of two products is added in turn,
// without fused rounding; subnormal operands and results are zero, which these tests do not look at.
#ifndef AMX_MODEL_H
#define AMX_MODEL_H

#include <stdint.h>
#include <string.h>

static _Thread_local struct {
    int is_configured;
    struct {
        int rows, bytes;
        uint8_t data[16][64];
    } tiles[8];
} amx_model;

static inline void amx_model_load_configuration(const void *configuration) {
    const uint8_t *bytes = configuration;
    if (bytes[0] != 1) __builtin_trap();
    for (int i = 0; i < 8; i++) {
        uint16_t width;
        memcpy(&width, bytes + 16 + 2 * i, 2);
        amx_model.tiles[i].bytes = width;
        amx_model.tiles[i].rows = bytes[48 + i];
        memset(amx_model.tiles[i].data, 0, sizeof amx_model.tiles[i].data);
    }
    amx_model.is_configured = 1;
}

static inline void amx_model_load(int t, const void *base, size_t stride) {
    if (!amx_model.is_configured) __builtin_trap();
    for (int r = 0; r < amx_model.tiles[t].rows; r++)
        memcpy(amx_model.tiles[t].data[r], (const uint8_t *)base + (size_t)r * stride, (size_t)amx_model.tiles[t].bytes);
}

static inline void amx_model_store(int t, void *base, size_t stride) {
    if (!amx_model.is_configured) __builtin_trap();
    for (int r = 0; r < amx_model.tiles[t].rows; r++)
        memcpy((uint8_t *)base + (size_t)r * stride, amx_model.tiles[t].data[r], (size_t)amx_model.tiles[t].bytes);
}

static inline float amx_model_bf16(const uint8_t *bytes) {
    uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 24;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline void amx_model_multiply(int c, int a, int b) {
    if (!amx_model.is_configured) __builtin_trap();
    for (int m = 0; m < amx_model.tiles[c].rows; m++)
        for (int n = 0; n < amx_model.tiles[c].bytes / 4; n++) {
            float sum;
            memcpy(&sum, amx_model.tiles[c].data[m] + 4 * n, 4);
            for (int k = 0; k < amx_model.tiles[a].bytes / 4; k++) {
                const uint8_t *left = amx_model.tiles[a].data[m] + 4 * k, *right = amx_model.tiles[b].data[k] + 4 * n;
                sum += amx_model_bf16(left) * amx_model_bf16(right);
                sum += amx_model_bf16(left + 2) * amx_model_bf16(right + 2);
            }
            memcpy(amx_model.tiles[c].data[m] + 4 * n, &sum, 4);
        }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig amx_model_load_configuration
#define _tile_release() (amx_model.is_configured = 0)
#define _tile_zero(t) memset(amx_model.tiles[t].data, 0, sizeof amx_model.tiles[t].data)
#define _tile_loadd amx_model_load
#define _tile_stored amx_model_store
#define _tile_dpbf16ps amx_model_multiply

#endif
