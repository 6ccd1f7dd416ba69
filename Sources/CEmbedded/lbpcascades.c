#include "isomer_lbpcascades.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t frontal[] = {
#embed "Data/lbpcascade_frontalface.xml"
};

static const uint8_t profile[] = {
#embed "Data/lbpcascade_profileface.xml"
};

static const uint8_t cat[] = {
#embed "Data/lbpcascade_frontalcatface.xml"
};

const uint8_t *isomer_lbpcascade_bytes(isomer_lbpcascade which, size_t *count) {
    switch (which) {
    case ISOMER_LBPCASCADE_PROFILE: *count = sizeof profile; return profile;
    case ISOMER_LBPCASCADE_CAT: *count = sizeof cat; return cat;
    default: *count = sizeof frontal; return frontal;
    }
}
