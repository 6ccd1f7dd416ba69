#include "multiply_adds.h"

// Sums that do not wait for each other: more than any core's pipes times their latency.
enum { SUMS = 12 };

#pragma clang fp contract(fast)

#define DEFINE(NAME, VECTOR)                                                                                       \
    static double NAME(uint64_t rounds) {                                                                          \
        typedef float vec __attribute__((vector_size(VECTOR * 4)));                                                \
        vec sums[SUMS], factor = {0}, addend = {0};                                                                \
        factor += 0.5f, addend += 1.0f;                                                                            \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) sums[i] = addend * (float)i;             \
        for (uint64_t round = 0; round < rounds; round++) {                                                        \
            /* Numbers of which the compiler knows nothing, in registers. */                                       \
            __asm__ volatile("" : "+" REGISTER(factor), "+" REGISTER(addend));                                     \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) sums[i] = sums[i] * factor + addend; \
        }                                                                                                          \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) __asm__ volatile("" ::REGISTER(sums[i])); \
        return (double)rounds * SUMS * VECTOR * 2;                                                                 \
    }

#if defined(__x86_64__)
#define REGISTER(X) "v"(X)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
DEFINE(with_avx512, 16)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
DEFINE(with_avx2, 8)
#pragma clang attribute pop
#undef REGISTER
#define REGISTER(X) "x"(X)
DEFINE(with_sse, 4)

double multiply_adds(uint64_t rounds) {
    if (__builtin_cpu_supports("avx512f")) return with_avx512(rounds);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return with_avx2(rounds);
    return with_sse(rounds);
}
#else
#define REGISTER(X) "w"(X)
DEFINE(with_neon, 4)

double multiply_adds(uint64_t rounds) { return with_neon(rounds); }
#endif
