// Random numbers that any thread can make from their place alone.
#ifndef ISOMER_RANDOM_H
#define ISOMER_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_level.h"

// Numbers `first`, `first` + 1, ... of the sequence that `key` names, nearly normally distributed: the sum of four uniform numbers of
// sixteen bits, less its mean, which has the standard deviation 65536 / sqrt(3) and ends at 3.46 of those; times `scale`, plus `shift`.
// Integers up to the last two operations, which are rounded one by one: the same bits on every machine.
void isomer_random_normal(isomer_level level, uint64_t key, uint64_t first, float scale, float shift, float *destination, size_t count);

#endif
