#include <string.h>

#include "sequential.h"


// An entry for DC: bits 0-5 how many bits to go on, 16-31 the value. For AC, as many as two symbols: bits 0-5 likewise, 6-9 zeros before the
// first value, 10-13 zeros before the second one, 14-15 what follows the first, 16-22 the second value, 23-31 the first. 0 is for what the table
// has no room for.
enum { NOTHING = 0, SECOND = 1, END = 2, ONLY_END = 3, FOLLOWING = 14, SECOND_BITS = 6, FIRST_BITS = 8 };

// A value of `size` bits: those that begin with 0 are negative.
static inline int32_t extended(uint32_t bits, uint32_t size) {
    return (int32_t)bits - (bits < 1u << (size - 1) ? (int32_t)((1u << size) - 1) : 0);
}

// What comes out of LOOK bits for DC.
static uint32_t dc_entry(const sequential_beginning *begin, uint32_t bits) {
    const uint32_t length = begin[bits].length, size = begin[bits].symbol;
    if (length == 0 || length + size > LOOK) return 0;
    const uint32_t value = bits >> (LOOK - length - size) & ((1u << size) - 1);
    return (length + size) | (size > 0 ? (uint32_t)extended(value, size) << 16 : 0);
}

// What comes out of LOOK bits for AC.
static uint32_t ac_entry(const sequential_beginning *begin, uint32_t bits) {
    const uint32_t length = begin[bits].length, symbol = begin[bits].symbol, size = symbol & 15;
    if (length == 0) return 0;
    if (symbol == 0) return length | ONLY_END << FOLLOWING;
    if (size == 0 || size > FIRST_BITS || length + size > LOOK) return 0;
    const uint32_t used = length + size;
    const uint32_t entry = symbol >> 4 << 6 | (uint32_t)extended(bits >> (LOOK - used) & ((1u << size) - 1), size) << 23;

    const uint32_t rest = bits << used & ((1u << LOOK) - 1), left = LOOK - used;
    const uint32_t length2 = begin[rest].length, symbol2 = begin[rest].symbol, size2 = symbol2 & 15;
    if (length2 > 0 && length2 <= left && symbol2 == 0) return entry | (used + length2) | END << FOLLOWING;
    if (length2 == 0 || size2 == 0 || size2 > SECOND_BITS || length2 + size2 > left) return entry | used;
    const uint32_t value = rest >> (LOOK - length2 - size2) & ((1u << size2) - 1);
    return entry | (used + length2 + size2) | symbol2 >> 4 << 10 | SECOND << FOLLOWING |
           ((uint32_t)extended(value, size2) & 127) << 16;
}

bool isomer_sequential_build(sequential_table *table, const uint8_t *counts, bool is_dc) {
    size_t total = 0;
    for (size_t i = 0; i < 16; i++) total += counts[i];
    if (total > 256) return false;
    memset(table->symbols, 0, sizeof table->symbols);
    memcpy(table->symbols, counts + 16, total);

    sequential_beginning *begin = table->beginnings;
    memset(begin, 0, sizeof table->beginnings);
    uint32_t code = 0, place = 0;
    for (uint32_t length = 1; length <= 16; length++, code <<= 1) {
        table->shift[length] = (int32_t)place - (int32_t)code;
        table->largest[length] = -1;
        for (uint32_t n = 0; n < counts[length - 1]; n++, code++, place++) {
            if (code >= 1u << length) return false;
            table->largest[length] = (int32_t)code;
            const uint8_t symbol = table->symbols[place];
            if (is_dc && symbol > 15) return false;
            if (length > LOOK) continue;
            for (uint32_t rest = 0; rest < 1u << (LOOK - length); rest++)
                begin[code << (LOOK - length) | rest] = (sequential_beginning){(uint8_t)length, symbol};
        }
    }
    for (uint32_t bits = 0; bits < 1 << LOOK; bits++) table->entries[bits] = is_dc ? dc_entry(begin, bits) : ac_entry(begin, bits);
    return true;
}

static inline uint64_t word(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

#define INLINE static inline __attribute__((always_inline))

// At least 56 bits are in the buffer after this, the next one on top.
INLINE void refill(sequential_bits *bits) {
    bits->buffer |= word(bits->next) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

INLINE void take(sequential_bits *bits, uint32_t count) {
    bits->buffer <<= count & 63;
    bits->count -= (int32_t)count;
}

// Goes on by what an entry says. With a mask of its own the shift needs none: shifts look at six bits only.
INLINE void pass(sequential_bits *bits, uint32_t entry) {
    bits->buffer <<= entry & 63;
    bits->count -= (int32_t)(entry & 31);
}

INLINE uint32_t look(const sequential_bits *bits, const sequential_table *table) {
    return table->entries[bits->buffer >> (64 - LOOK)];
}

// Takes a symbol, and the bits of its value, of any length; a symbol of 256 is none.
static uint32_t take_symbol(sequential_bits *bits, const sequential_table *table, int32_t *value) {
    refill(bits);
    *value = 0;
    const sequential_beginning begin = table->beginnings[bits->buffer >> (64 - LOOK)];
    uint32_t length = begin.length, symbol = begin.symbol;
    if (length == 0) {
        const int32_t ahead = (int32_t)(bits->buffer >> 48);
        int32_t code = 0;
        for (length = LOOK + 1; length <= 16; length++) {
            code = ahead >> (16 - length);
            if (code <= table->largest[length]) break;
        }
        if (length > 16) return 256;
        symbol = table->symbols[(code + table->shift[length]) & 255];
    }
    take(bits, length);
    const uint32_t size = symbol & 15;
    if (size > 0) {
        *value = extended((uint32_t)(bits->buffer >> (64 - size)), size);
        take(bits, size);
    }
    return symbol;
}

// Takes the value after zeros from coefficient `k` on, which goes on behind it: to 64 at the block's end.
static bool take_value(sequential_bits *bits, const sequential_table *ac, uint32_t *k, int16_t *lane) {
    int32_t value;
    const uint32_t symbol = take_symbol(bits, ac, &value);
    if (symbol > 255) return false;
    if ((symbol & 15) == 0 && symbol != 0xF0) {
        *k = 64;
        return true;
    }
    *k += symbol >> 4;
    if (*k >= 64) return false;
    lane[*k * LANES] = (int16_t)value;
    ++*k;
    return true;
}

// Goes back by some bits.
static void go_back(sequential_bits *bits, uint32_t count) {
    const size_t place = (size_t)(bits->next - bits->start) * 8 - (size_t)bits->count - count;
    bits->next = bits->start + place / 8;
    bits->buffer = 0;
    bits->count = 0;
    refill(bits);
    take(bits, place % 8);
}

INLINE bool block_of(
    sequential_bits *state, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane) {
    // The buffer is at most eight bytes ahead. Zeros behind the end are never all read: a block takes at most 64 codes of 31 bits.
    if (state->next - state->end > 8) return false;
    // A copy whose address nobody takes stays in registers.
    sequential_bits bits = *state;
    refill(&bits);
    uint32_t entry = look(&bits, dc);
    int32_t difference = (int32_t)entry >> 16;
    if (__builtin_expect(entry != 0, 1)) {
        pass(&bits, entry);
    } else {
        *state = bits;
        if (take_symbol(state, dc, &difference) > 15) return false;
        bits = *state;
    }
    *last_dc = (int32_t)((uint32_t)*last_dc + (uint32_t)difference);
    lane[0] = (int16_t)*last_dc;

    uint32_t k = 1, before;
    for (;;) {
        // Where there is no second value, a zero is put where the next one goes.
#define STEP \
    entry = look(&bits, ac); \
    if (__builtin_expect(entry == 0, 0)) goto unusual; \
    pass(&bits, entry); \
    before = k; \
    k += entry >> 6 & 15; \
    lane[k * LANES] = (int16_t)((int32_t)entry >> 23); \
    k += 1 + (entry >> 10 & 15); \
    lane[k * LANES] = (int16_t)((int32_t)(entry << 9) >> 25); \
    k += (entry >> FOLLOWING & 1) + (entry >> 8 & 128); \
    if (k >= 64) break;
        // Four times LOOK bits are less than 56.
        refill(&bits);
        STEP
        STEP
        STEP
        STEP
        continue;
    unusual:
        *state = bits;
        if (!take_value(state, ac, &k, lane)) return false;
        if (k >= 64) return true;
        bits = *state;
    }
    *state = bits;
    // What follows the block's last coefficient is no part of it, whatever a table of two says.
    const uint32_t following = entry >> FOLLOWING & 3;
    if (__builtin_expect(following == ONLY_END || (following == END && k <= 128 + 63) || (following <= SECOND && k == 64), 1)) return true;
    go_back(state, entry & 63);
    for (uint32_t i = before; i < 64; i++) lane[i * LANES] = 0;
    while (before < 64)
        if (!take_value(state, ac, &before, lane)) return false;
    return true;
}

bool isomer_sequential_block(
    sequential_bits *bits, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane) {
    return block_of(bits, dc, ac, last_dc, lane);
}

#if defined(__x86_64__)
__attribute__((target("bmi2"))) bool isomer_sequential_block_bmi2(
    sequential_bits *bits, const sequential_table *dc, const sequential_table *ac, int32_t *last_dc, int16_t *lane) {
    return block_of(bits, dc, ac, last_dc, lane);
}
#endif
