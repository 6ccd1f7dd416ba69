#include "isomer_sequential.h"

#include <string.h>

#include "sequential.h"

static uint32_t number16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }

// What has been read before the frame and the scan say which of it counts.
typedef struct {
    // Where each table's steps begin, and each Huffman table's counts; 0 for none.
    size_t steps[4], tables[2][4];
    uint8_t ids[3], step_tables[3];
    bool has_frame, is_jfif, is_adobe;
    uint8_t adobe_transform;
} found;

// Several tables: precision and number, then 64 steps.
static bool read_steps(const uint8_t *bytes, size_t at, size_t end, found *f) {
    for (; at < end; at += 65) {
        if (end - at < 65 || bytes[at] > 3) return false;
        f->steps[bytes[at]] = at + 1;
    }
    return true;
}

// Several tables: class and number, 16 counts, then as many symbols.
static bool read_tables(const uint8_t *bytes, size_t at, size_t end, found *f) {
    while (at < end) {
        if (end - at < 17 || (bytes[at] & 15) > 3 || bytes[at] >> 4 > 1) return false;
        f->tables[bytes[at] >> 4][bytes[at] & 15] = at + 1;
        size_t symbols = 0;
        for (size_t i = 1; i <= 16; i++) symbols += bytes[at + i];
        if (symbols > 256 || end - at - 17 < symbols) return false;
        at += 17 + symbols;
    }
    return true;
}

static bool read_frame(const uint8_t *p, size_t count, found *f, isomer_sequential_header *h) {
    if (f->has_frame || count < 6 || p[0] != 8) return false;
    f->has_frame = true;
    h->height = number16(p + 1);
    h->width = number16(p + 3);
    h->components = p[5];
    if ((h->components != 1 && h->components != 3) || count != 6 + 3 * h->components) return false;
    // Tiny pictures are upsampled in ways of their own.
    if (h->width < 32 || h->height < 32) return false;
    for (uint32_t i = 0; i < h->components; i++) {
        const uint8_t *component = p + 6 + 3 * i;
        f->ids[i] = component[0];
        f->step_tables[i] = component[2];
        if (component[2] > 3) return false;
        if (i == 0) {
            h->across = component[1] >> 4;
            h->down = component[1] & 15;
        } else if (component[1] != 0x11) {
            return false;
        }
    }
    if (h->components == 1) {
        // A single component's blocks come one by one, whatever its sampling.
        const bool is_known = h->across >= 1 && h->across <= 4 && h->down >= 1 && h->down <= 4;
        h->across = h->down = 1;
        return is_known;
    }
    return (h->across == 1 && h->down == 1) || (h->across == 2 && (h->down == 1 || h->down == 2));
}

// All components at once, with all their coefficients.
static bool read_scan(const uint8_t *bytes, size_t at, size_t count, const found *f, isomer_sequential_header *h) {
    const uint8_t *p = bytes + at;
    if (!f->has_frame || count != 4 + 2 * h->components || p[0] != h->components) return false;
    const uint8_t *last = p + 1 + 2 * h->components;
    if (last[0] != 0 || last[1] != 63 || last[2] != 0) return false;
    for (uint32_t i = 0; i < h->components; i++) {
        if (p[1 + 2 * i] != f->ids[i]) return false;
        const uint8_t dc = p[2 + 2 * i] >> 4, ac = p[2 + 2 * i] & 15;
        if (dc > 3 || ac > 3) return false;
        h->tables[i][0] = f->tables[0][dc];
        h->tables[i][1] = f->tables[1][ac];
        const size_t steps = f->steps[f->step_tables[i]];
        if (h->tables[i][0] == 0 || h->tables[i][1] == 0 || steps == 0) return false;
        memcpy(h->steps[i], bytes + steps, 64);
    }
    h->data = at + count;
    return true;
}

// Whether three components are brightness and two colours, and not red, green and blue.
//
// Reference: libjpeg-turbo 2.1.5, jdapimin.c, `default_decompress_parms`.
static bool has_colours(const found *f) {
    if (f->is_jfif) return true;
    if (f->is_adobe) return f->adobe_transform == 1;
    return f->ids[0] == 1 && f->ids[1] == 2 && f->ids[2] == 3;
}

bool isomer_sequential_read(const uint8_t *bytes, size_t count, isomer_sequential_header *header) {
    found f;
    memset(&f, 0, sizeof f);
    memset(header, 0, sizeof *header);
    if (count < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) return false;
    size_t at = 2;
    while (count - at >= 4 && bytes[at] == 0xFF) {
        const uint8_t marker = bytes[at + 1];
        const size_t length = number16(bytes + at + 2);
        if (length < 2 || length > count - at - 2) return false;
        const size_t start = at + 4, end = at + 2 + length;
        const uint8_t *p = bytes + start;
        switch (marker) {
        case 0xC0:
        case 0xC1:
            if (!read_frame(p, end - start, &f, header)) return false;
            break;
        case 0xC4:
            if (!read_tables(bytes, start, end, &f)) return false;
            break;
        case 0xDB:
            if (!read_steps(bytes, start, end, &f)) return false;
            break;
        case 0xDD:
            if (end - start != 2) return false;
            header->restart = number16(p);
            break;
        case 0xDA: return read_scan(bytes, start, end - start, &f, header) && (header->components == 1 || has_colours(&f));
        case 0xE0:
            if (end - start >= 14 && memcmp(p, "JFIF", 5) == 0) {
                // Of other versions libjpeg warns.
                if (p[5] != 1) return false;
                f.is_jfif = true;
            }
            break;
        case 0xEE:
            if (end - start >= 12 && memcmp(p, "Adobe", 5) == 0) {
                f.is_adobe = true;
                f.adobe_transform = p[11];
            }
            break;
        default:
            // Other applications' segments, and comments.
            if (marker != 0xFE && (marker < 0xE1 || marker > 0xEF)) return false;
        }
        at = end;
    }
    return false;
}
