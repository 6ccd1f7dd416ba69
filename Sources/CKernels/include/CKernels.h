// SIMD kernels with run-time dispatch. No allocation, no input or output.
#ifndef ISOMER_CKERNELS_H
#define ISOMER_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "isomer_crc32.h"

#endif
