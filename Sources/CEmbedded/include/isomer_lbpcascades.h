// OpenCV's cascades of local binary patterns, as XML.
#ifndef ISOMER_LBPCASCADES_H
#define ISOMER_LBPCASCADES_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    // Faces seen from the front, from 24×24 pixels.
    ISOMER_LBPCASCADE_FRONTAL = 0,
    // Faces turned to the right, from 20×34 pixels.
    ISOMER_LBPCASCADE_PROFILE = 1,
    // Cats' faces from the front, from 24×24 pixels.
    ISOMER_LBPCASCADE_CAT = 2,
} isomer_lbpcascade;

const uint8_t *isomer_lbpcascade_bytes(isomer_lbpcascade which, size_t *count);

#endif
