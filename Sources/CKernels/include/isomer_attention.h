// Softmax attention without a matrix of scores: keys come in blocks, and what was summed so far is rescaled when a larger score turns up.
//
// Bounds, relative to the largest output: 5e-6 in f32; 2e-2 for operands rounded to bf16 where scores are of size 10.
//
// Reference: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018); Dao et al., "FlashAttention" (2022).
#ifndef ISOMER_ATTENTION_H
#define ISOMER_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "isomer_level.h"

// output = softmax(scale · query · keyᵀ + mask) · value, for each picture and head. Heads lie side by side in a row.
typedef struct {
    const float *query, *key, *value;
    float *output;
    // Floats from one token to the next.
    size_t query_stride, key_stride, value_stride, output_stride;
    size_t images, heads, head_size;
    size_t queries, keys;
    float scale;
    // Whether query i sees keys 0 ... i only.
    bool is_causal;
    // Added to the scores, [images][heads][queries][keys] by the strides given, any of which may be 0. May be null.
    const float *mask;
    size_t mask_image_stride, mask_head_stride, mask_query_stride;
    // Rounds queries, keys, weights and values to bf16 where the level has such products. Sums and the softmax are f32.
    bool rounds_to_bf16;
    // Made by isomer_attention_pack: isomer_attention_packed floats for each picture and head.
    float *packed;
} isomer_attention_job;

// The largest head.
#define ISOMER_ATTENTION_HEAD 512

// Floats of `packed` for one picture and head, by head size, keys and rounding.
size_t isomer_attention_packed(isomer_level level, const isomer_attention_job *job);

// Bytes of scratch memory that one thread needs, at an address divisible by 64.
size_t isomer_attention_scratch(size_t head_size);

// Queries that are worked on together: a thread's range should be a multiple of it.
size_t isomer_attention_queries(void);

// Lays keys and values of one head out for isomer_attention_run.
void isomer_attention_pack(isomer_level level, const isomer_attention_job *job, size_t image, size_t head);

// Makes the output of queries first ..< end of one head. A query that sees no key gets zeros.
void isomer_attention_run(
    isomer_level level, const isomer_attention_job *job, size_t image, size_t head, size_t first, size_t end, void *scratch);

#endif
