#include "sequential.h"

#include <string.h>

// How a file's units, tiles and rows lie, and where in the scratch everything is.
typedef struct {
    // Units across and down; a tile's worth of units; how many of those are across.
    size_t units_across, units_down, group, groups;
    // Pixels of a block of brightness and of colour on a side, and rows of brightness and of colour in a row of units.
    size_t luma_side, chroma_side, luma_rows, chroma_rows;
    // Whether colours have half the columns, or rows, of what comes out.
    bool is_half_wide, is_half_high;
    size_t width, height, chroma_width, chroma_height;
    // Bytes from one row to the next, and rows that are kept from the row of units before.
    size_t luma_stride, chroma_stride;
    // Parts of the scratch.
    size_t data, tables, tiles, steps, luma, chroma[2], wide[2], sums, line, total;
} layout;

// Pixels whose colours are made together.
enum { PIXELS = 32 };

enum { LUMA_KEPT = 1, CHROMA_KEPT = 2, ROW_PADDING = 64 };

// Coded data that lies ready at once; what a unit of six blocks may take of it; and what is kept of what was read, to go back to.
enum { PORTION = 16384, LARGEST_UNIT = 2048, DATA_KEPT = 16 };

static size_t take(layout *l, size_t bytes) {
    const size_t place = l->total;
    l->total += (bytes + 63) / 64 * 64;
    return place;
}

static layout layout_of(const isomer_sequential_header *h, uint32_t denominator) {
    layout l;
    memset(&l, 0, sizeof l);
    l.units_across = (h->width + 8 * h->across - 1) / (8 * h->across);
    l.units_down = (h->height + 8 * h->down - 1) / (8 * h->down);
    l.group = LANES / h->across;
    l.groups = (l.units_across + l.group - 1) / l.group;
    l.width = (h->width + denominator - 1) / denominator;
    l.height = (h->height + denominator - 1) / denominator;
    l.luma_side = 8 / denominator;
    // Where both directions are halved, colours keep their full transform instead of being upsampled.
    l.chroma_side = h->across == 2 && h->down == 2 ? 8 : l.luma_side;
    l.is_half_wide = h->across * l.luma_side > l.chroma_side;
    l.is_half_high = h->down * l.luma_side > l.chroma_side;
    l.chroma_width = l.is_half_wide ? (l.width + 1) / 2 : l.width;
    l.chroma_height = l.is_half_high ? (l.height + 1) / 2 : l.height;
    l.luma_rows = h->down * l.luma_side;
    l.chroma_rows = l.chroma_side;
    l.luma_stride = l.groups * LANES * l.luma_side + ROW_PADDING;
    l.chroma_stride = l.groups * l.group * l.chroma_side + ROW_PADDING;

    l.data = take(&l, DATA_KEPT + PORTION + 1 + DATA_PADDING);
    l.tables = take(&l, 2 * h->components * sizeof(sequential_table));
    l.tiles = take(&l, 4 * sizeof(sequential_tile));
    l.steps = take(&l, 3 * 64 * LANES * sizeof(int16_t));
    l.luma = take(&l, (LUMA_KEPT + l.luma_rows) * l.luma_stride);
    if (h->components == 3) {
        for (int i = 0; i < 2; i++) {
            l.chroma[i] = take(&l, (CHROMA_KEPT + l.chroma_rows) * l.chroma_stride);
            l.wide[i] = take(&l, 2 * l.chroma_width + 2 * ROW_PADDING);
        }
        l.sums = take(&l, 2 * l.chroma_width + ROW_PADDING);
    }
    l.line = take(&l, 3 * l.width + 3 * ROW_PADDING);
    return l;
}

size_t isomer_sequential_scratch(const isomer_sequential_header *header, uint32_t denominator) {
    return layout_of(header, denominator).total;
}

typedef struct {
    const isomer_sequential_header *header;
    const sequential_kernels *kernels;
    layout l;
    uint8_t *scratch;
    // The rest of the file, and whether it begins with the marker that ends the data.
    const uint8_t *from, *file_end;
    bool is_at_marker;
    sequential_bits bits;
    const sequential_table *tables[3][2];
    int32_t last_dc[3];
    uint32_t until_restart, restarts;
} decoder;

// Sees to it that a unit's data lies ready, or all that there is before the next marker, without the zeros that stand behind bytes of 255. Answers
// whether there is a marker where the data ends.
static bool take_portion(decoder *d) {
    uint8_t *start = d->scratch + d->l.data;
    const uint8_t *kept = d->bits.next - DATA_KEPT;
    const size_t left = (size_t)(d->bits.end - kept);
    memmove(start, kept, left);
    uint8_t *to = start + left;
    const uint8_t *limit = start + DATA_KEPT + PORTION;
    while (to < limit && !d->is_at_marker) {
        const size_t rest = (size_t)(d->file_end - d->from), room = (size_t)(limit - to);
        if (rest < 2) return false;
        const size_t span = rest - 1 < room ? rest - 1 : room;
        const uint8_t *found = memchr(d->from, 0xFF, span);
        const size_t count = found ? (size_t)(found - d->from) : span;
        memcpy(to, d->from, count);
        to += count;
        d->from += count;
        if (!found) continue;
        d->is_at_marker = found[1] != 0;
        if (d->is_at_marker) break;
        *to++ = 0xFF;
        d->from += 2;
    }
    memset(to, 0, DATA_PADDING);
    d->bits.start = start;
    d->bits.next = start + DATA_KEPT;
    d->bits.end = to;
    return true;
}

static inline bool has_unit(decoder *d) {
    return d->is_at_marker || d->bits.end - d->bits.next >= LARGEST_UNIT || take_portion(d);
}

// Begins with the data up to the next marker.
static bool next_part(decoder *d) {
    uint8_t *start = d->scratch + d->l.data;
    memset(start, 0, DATA_KEPT);
    d->bits = (sequential_bits){0, 0, start + DATA_KEPT, start, start + DATA_KEPT};
    d->is_at_marker = false;
    memset(d->last_dc, 0, sizeof d->last_dc);
    return take_portion(d);
}

// Whether the part was used up, but for the bits that fill its last byte.
static bool is_part_done(decoder *d) {
    if (!has_unit(d) || !d->is_at_marker) return false;
    const ptrdiff_t used = (d->bits.next - d->bits.start) * 8 - d->bits.count;
    const ptrdiff_t all = (d->bits.end - d->bits.start) * 8;
    return used <= all && all - used < 8;
}

static bool pass_restart(decoder *d) {
    if (!is_part_done(d) || d->from[1] != 0xD0 + (d->restarts & 7)) return false;
    d->restarts++;
    d->until_restart = d->header->restart;
    d->from += 2;
    return next_part(d);
}

static sequential_tile *tile_of(const decoder *d, size_t index) {
    return (sequential_tile *)(void *)(d->scratch + d->l.tiles) + index;
}

// Decodes a tile's worth of units: brightness in one tile for each of its rows of blocks, then both colours, in one tile if that has room.
static bool read_group(decoder *d, size_t units) {
    const isomer_sequential_header *h = d->header;
    const size_t tiles = h->down + (h->components == 1 ? 0 : h->across == 1 ? 2 : 1);
    for (size_t i = 0; i < tiles; i++) memset(tile_of(d, i), 0, 64 * sizeof tile_of(d, i)->values[0]);
    for (size_t unit = 0; unit < units; unit++) {
        if (h->restart != 0) {
            if (d->until_restart == 0 && !pass_restart(d)) return false;
            d->until_restart--;
        }
        if (!has_unit(d)) return false;
        for (size_t y = 0; y < h->down; y++) {
            for (size_t x = 0; x < h->across; x++) {
                int16_t *lane = &tile_of(d, y)->values[0][unit * h->across + x];
                if (!d->kernels->block(&d->bits, d->tables[0][0], d->tables[0][1], &d->last_dc[0], lane)) return false;
            }
        }
        for (size_t i = 1; i < h->components; i++) {
            const size_t tile = h->down + (h->across == 1 ? i - 1 : 0), first = h->across == 1 ? 0 : (i - 1) * d->l.group;
            int16_t *lane = &tile_of(d, tile)->values[0][first + unit];
            if (!d->kernels->block(&d->bits, d->tables[i][0], d->tables[i][1], &d->last_dc[i], lane)) return false;
        }
    }
    return true;
}

// Transforms the tiles of group `index` into their places.
static bool transform_group(const decoder *d, size_t index) {
    const isomer_sequential_header *h = d->header;
    const layout *l = &d->l;
    const int16_t(*steps)[64][LANES] = (const void *)(d->scratch + l->steps);
    bool is_fine = true;
    for (size_t y = 0; y < h->down; y++) {
        uint8_t *first = d->scratch + l->luma + (LUMA_KEPT + y * l->luma_side) * l->luma_stride + index * LANES * l->luma_side;
        is_fine &= (l->luma_side == 8 ? d->kernels->tile8 : d->kernels->tile4)(
            tile_of(d, y), steps[0], first, first + 8 * l->luma_side, l->luma_stride);
    }
    if (h->components == 1) return is_fine;
    uint8_t *colour[2];
    for (size_t i = 0; i < 2; i++)
        colour[i] = d->scratch + l->chroma[i] + CHROMA_KEPT * l->chroma_stride + index * l->group * l->chroma_side;
    for (size_t i = 0; i < (h->across == 1 ? 2 : 1); i++) {
        uint8_t *second = h->across == 1 ? colour[i] + 8 * l->chroma_side : colour[1];
        is_fine &= (l->chroma_side == 8 ? d->kernels->tile8 : d->kernels->tile4)(
            tile_of(d, h->down + i), steps[1 + i], colour[i], second, l->chroma_stride);
    }
    return is_fine;
}

// A row of a colour, as wide as what comes out.
static const uint8_t *colour_row(const decoder *d, size_t colour, size_t row, size_t y) {
    const layout *l = &d->l;
    // Row of the colour that the first row in memory is.
    const size_t first = row * l->chroma_rows, own = l->is_half_high ? y / 2 : y;
    const uint8_t *base = d->scratch + l->chroma[colour] + CHROMA_KEPT * l->chroma_stride;
    const uint8_t *source = base + ((ptrdiff_t)own - (ptrdiff_t)first) * (ptrdiff_t)l->chroma_stride;
    if (!l->is_half_wide) return source;
    uint8_t *wide = d->scratch + l->wide[colour];
    if (l->is_half_high) {
        // At the picture's edge a row is its own neighbour.
        const bool is_above = y % 2 == 0;
        const bool is_alone = is_above ? own == 0 : own + 1 == l->chroma_height;
        const ptrdiff_t step = is_alone ? 0 : is_above ? -(ptrdiff_t)l->chroma_stride : (ptrdiff_t)l->chroma_stride;
        uint16_t *sums = (uint16_t *)(void *)(d->scratch + l->sums);
        d->kernels->widen_between(source, source + step, sums, wide, l->chroma_width);
    } else {
        d->kernels->widen(source, wide, l->chroma_width);
    }
    return wide;
}

// Makes the rows of what comes out that are complete once row `row` of the units is. Answers whether there was room for them.
static bool put_rows(const decoder *d, size_t row, size_t stride, isomer_sequential_room room, void *context) {
    const layout *l = &d->l;
    // The last row waits for the colours below it.
    const size_t kept = l->is_half_high ? 1 : 0;
    const size_t first = row * l->luma_rows, end = row + 1 == l->units_down ? l->height : first + l->luma_rows - kept;
    size_t y = row == 0 ? 0 : first - kept;
    uint8_t *target = room(context, (uint32_t)(end - y));
    if (!target) return false;
    for (; y < end; y++, target += stride) {
        const uint8_t *luma = d->scratch + l->luma + (LUMA_KEPT + y - first) * l->luma_stride;
        if (d->header->components == 1) {
            memcpy(target, luma, l->width);
            continue;
        }
        const uint8_t *blue = colour_row(d, 0, row, y), *red = colour_row(d, 1, row, y);
        // Whole vectors are written where they fit; the last ones take a detour.
        const size_t whole = l->width / PIXELS * PIXELS;
        uint8_t *line = d->scratch + l->line;
        d->kernels->colours(luma, blue, red, target, whole);
        d->kernels->colours(luma + whole, blue + whole, red + whole, line, l->width - whole);
        memcpy(target + 3 * whole, line, 3 * (l->width - whole));
    }
    return true;
}

// Keeps the rows that the next row of units needs.
static void keep_rows(const decoder *d) {
    const layout *l = &d->l;
    uint8_t *luma = d->scratch + l->luma;
    memcpy(luma, luma + l->luma_rows * l->luma_stride, LUMA_KEPT * l->luma_stride);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *colour = d->scratch + l->chroma[i];
        memcpy(colour, colour + l->chroma_rows * l->chroma_stride, CHROMA_KEPT * l->chroma_stride);
    }
}

static bool prepare(decoder *d, const uint8_t *bytes) {
    const isomer_sequential_header *h = d->header;
    sequential_table *tables = (sequential_table *)(void *)(d->scratch + d->l.tables);
    for (size_t i = 0; i < h->components; i++) {
        for (size_t kind = 0; kind < 2; kind++) {
            // Colours share their tables.
            if (i == 2 && h->tables[2][kind] == h->tables[1][kind]) {
                d->tables[2][kind] = d->tables[1][kind];
                continue;
            }
            sequential_table *table = tables + 2 * i + kind;
            if (!isomer_sequential_build(table, bytes + h->tables[i][kind], kind == 0)) return false;
            d->tables[i][kind] = table;
        }
    }
    // In a tile of both colours, the upper lanes are the second one's.
    int16_t(*steps)[64][LANES] = (void *)(d->scratch + d->l.steps);
    for (size_t i = 0; i < h->components; i++)
        for (size_t k = 0; k < 64; k++)
            for (size_t lane = 0; lane < LANES; lane++)
                steps[i][k][lane] = h->steps[i == 1 && h->across == 2 && lane >= d->l.group ? 2 : i][k];
    d->until_restart = h->restart;
    return next_part(d);
}

bool isomer_sequential_pays(isomer_level level) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return level >= ISOMER_LEVEL_AVX2 && __builtin_cpu_supports("bmi2");
#else
    (void)level;
    return false;
#endif
}

bool isomer_sequential_decode(
    isomer_level level, const uint8_t *bytes, size_t count, const isomer_sequential_header *header, uint32_t denominator, void *scratch,
    size_t stride, isomer_sequential_room room, void *context) {
    if (denominator != 1 && denominator != 2) return false;
    decoder d;
    memset(&d, 0, sizeof d);
    d.header = header;
    d.kernels = &isomer_sequential_baseline;
#if defined(__x86_64__)
    if (isomer_sequential_pays(level)) d.kernels = level >= ISOMER_LEVEL_AVX512 ? &isomer_sequential_avx512 : &isomer_sequential_avx2;
#else
    (void)level;
#endif
    d.l = layout_of(header, denominator);
    d.scratch = scratch;
    d.from = bytes + header->data;
    d.file_end = bytes + count;
    if (!prepare(&d, bytes)) return false;
    for (size_t row = 0; row < d.l.units_down; row++) {
        for (size_t index = 0; index < d.l.groups; index++) {
            const size_t done = index * d.l.group, left = d.l.units_across - done;
            if (!read_group(&d, left < d.l.group ? left : d.l.group) || !transform_group(&d, index)) return false;
        }
        if (!put_rows(&d, row, stride, room, context)) return false;
        if (d.l.is_half_high) keep_rows(&d);
    }
    // Anything but the end of the picture here is for libjpeg to complain about.
    return is_part_done(&d) && d.from[1] == 0xD9;
}
