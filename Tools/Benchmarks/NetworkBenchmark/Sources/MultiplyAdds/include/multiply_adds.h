#ifndef MULTIPLY_ADDS_H
#define MULTIPLY_ADDS_H

#include <stdint.h>

// Fused multiply-adds of f32 in registers alone, as wide as the processor has them: what a core can do at most. Makes `rounds` rounds on the
// calling thread and returns the floating-point operations that it did, two each.
double multiply_adds(uint64_t rounds);

#endif
