#include "isomer_colour.h"

static inline uint8_t encode(float light, const uint8_t *encoding) {
    light = light < 0 ? 0 : light > 1 ? 1 : light;
    return encoding[(int)(light * 65535.0f + 0.5f)];
}

void isomer_colour_rgb8(
    const uint8_t *source, uint8_t *target, size_t pixels, int channels, const float *light, const float *m, const uint8_t *encoding) {
    for (size_t i = 0; i < pixels; i++) {
        const float r = light[source[0]], g = light[256 + source[1]], b = light[512 + source[2]];
        target[0] = encode(m[0] * r + m[1] * g + m[2] * b, encoding);
        target[1] = encode(m[3] * r + m[4] * g + m[5] * b, encoding);
        target[2] = encode(m[6] * r + m[7] * g + m[8] * b, encoding);
        if (channels == 4) target[3] = source[3];
        source += channels;
        target += channels;
    }
}
