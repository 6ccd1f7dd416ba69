// SIMD kernels with run-time dispatch. No allocation, no input or output.
//
// Every kernel takes the level to run at. The baseline is plain C that says what the kernel computes; the other levels give the same bits
// sooner, except that sums of the matrix, attention and layer kernels are taken in another order. A level that the machine has not got
// must not be passed: ask `isomer_level_supported`.
#ifndef ISOMER_CKERNELS_H
#define ISOMER_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_cascade.h"
#include "isomer_attention.h"
#include "isomer_blocks.h"
#include "isomer_cast.h"
#include "isomer_colour.h"
#include "isomer_crc32.h"
#include "isomer_elementwise.h"
#include "isomer_layers.h"
#include "isomer_level.h"
#include "isomer_matrix.h"
#include "isomer_merge.h"
#include "isomer_png.h"
#include "isomer_random.h"
#include "isomer_resample.h"
#include "isomer_sequential.h"
#include "isomer_statistics.h"
#include "isomer_strided.h"

#endif
