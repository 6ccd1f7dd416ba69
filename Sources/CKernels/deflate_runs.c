#include "isomer_png.h"

#include <string.h>

enum { block_bytes = 65535, literal_symbols = 286, length_symbols = 19, shortest_run = 4, longest_run = 258 };

static const uint8_t length_order[length_symbols] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

// The symbol, extra bits and their number for a match of `length` bytes.
static inline unsigned length_symbol(unsigned length, unsigned *extra, unsigned *extra_bits) {
    *extra = *extra_bits = 0;
    if (length == longest_run) return 285;
    unsigned n = length - 3;
    if (n < 8) return 257 + n;
    const unsigned bits = (unsigned)(31 - __builtin_clz(n)) - 2;
    *extra_bits = bits;
    *extra = n & ((1u << bits) - 1);
    return 257 + 4 * bits + (n >> bits);
}

// Huffman code lengths of at most `limit` bits. `lengths` of unused symbols become 0. At least one symbol must be used.
static void code_lengths(const uint32_t *frequencies, int symbols, unsigned limit, uint8_t *lengths) {
    uint32_t weight[2 * literal_symbols];
    int16_t parent[2 * literal_symbols], order[literal_symbols];
    int used = 0;
    memset(lengths, 0, (size_t)symbols);
    for (int i = 0; i < symbols; i++)
        if (frequencies[i]) order[used++] = (int16_t)i;
    if (used == 1) {
        lengths[order[0]] = 1;
        return;
    }
    // By frequency, then by symbol: shell sort, stable enough since the symbol decides ties.
    for (int gap = used / 2; gap > 0; gap /= 2)
        for (int i = gap; i < used; i++) {
            const int16_t item = order[i];
            int j = i;
            for (; j >= gap; j -= gap) {
                const int16_t other = order[j - gap];
                if (frequencies[other] < frequencies[item] || (frequencies[other] == frequencies[item] && other < item)) break;
                order[j] = other;
            }
            order[j] = item;
        }
    // Two queues: leaves in order, and inner nodes in the order in which they are made.
    for (int i = 0; i < used; i++) weight[i] = frequencies[order[i]];
    int leaf = 0, inner = used;
    for (int next = used; next < 2 * used - 1; next++) {
        uint32_t sum = 0;
        for (int side = 0; side < 2; side++) {
            const int from_leaf = leaf < used && (inner >= next || weight[leaf] <= weight[inner]);
            const int node = from_leaf ? leaf++ : inner++;
            parent[node] = (int16_t)next;
            sum += weight[node];
        }
        weight[next] = sum;
    }
    uint16_t depth[2 * literal_symbols];
    depth[2 * used - 2] = 0;
    for (int i = 2 * used - 3; i >= 0; i--) depth[i] = (uint16_t)(depth[parent[i]] + 1);
    // Cut to the limit, then lengthen the rarest codes until Kraft's sum fits, then shorten where there is room.
    uint32_t kraft = 0;
    for (int i = 0; i < used; i++) {
        if (depth[i] > limit) depth[i] = (uint16_t)limit;
        kraft += 1u << (limit - depth[i]);
    }
    const uint32_t full = 1u << limit;
    for (int i = 0; kraft > full; i = (i + 1) % used)
        if (depth[i] < limit) {
            kraft -= 1u << (limit - depth[i] - 1);
            depth[i]++;
        }
    for (int i = used - 1; i >= 0; i--)
        while (depth[i] > 1 && kraft + (1u << (limit - depth[i])) <= full) {
            kraft += 1u << (limit - depth[i]);
            depth[i]--;
        }
    for (int i = 0; i < used; i++) lengths[order[i]] = (uint8_t)depth[i];
}

// Canonical codes, bits reversed, since DEFLATE sends codes from their top bit.
static void assign_codes(const uint8_t *lengths, int symbols, uint16_t *codes) {
    unsigned count[16] = {0}, next[16] = {0}, code = 0;
    for (int i = 0; i < symbols; i++) count[lengths[i]]++;
    count[0] = 0;
    for (int bits = 1; bits < 16; bits++) {
        code = (code + count[bits - 1]) << 1;
        next[bits] = code;
    }
    for (int i = 0; i < symbols; i++) {
        if (!lengths[i]) continue;
        unsigned value = next[lengths[i]]++, reversed = 0;
        for (int bit = 0; bit < lengths[i]; bit++) reversed |= (value >> bit & 1) << (lengths[i] - 1 - bit);
        codes[i] = (uint16_t)reversed;
    }
}

typedef struct {
    uint64_t bits;
    unsigned count;
    uint8_t *output;
} writer;

// At most 32 bits at once; afterwards fewer than 32 wait.
static inline void put(writer *w, uint64_t value, unsigned count) {
    w->bits |= value << w->count;
    w->count += count;
    if (w->count >= 32) {
        const uint32_t word = (uint32_t)w->bits;
        for (int i = 0; i < 4; i++) w->output[i] = (uint8_t)(word >> 8 * i);
        w->output += 4;
        w->bits >>= 32;
        w->count -= 32;
    }
}

static void put_whole_bytes(writer *w) {
    for (; w->count >= 8; w->count -= 8, w->bits >>= 8) *w->output++ = (uint8_t)w->bits;
}

static void pad(writer *w) {
    if (w->count % 8) w->count += 8 - w->count % 8;
    put_whole_bytes(w);
}

static void stored_block(writer *w, const uint8_t *input, size_t count, int is_last) {
    put(w, (uint64_t)is_last, 3);
    pad(w);
    w->output[0] = (uint8_t)count;
    w->output[1] = (uint8_t)(count >> 8);
    w->output[2] = (uint8_t)~w->output[0];
    w->output[3] = (uint8_t)~w->output[1];
    memcpy(w->output + 4, input, count);
    w->output += 4 + count;
}

// Literals below 256; a run of n more of the same byte is 256 + n.
static size_t tokenize(const uint8_t *input, size_t count, uint16_t *tokens, uint32_t *frequencies, uint64_t *extra_total) {
    size_t n = 0;
    uint32_t histogram[4][256] = {{0}};
    for (size_t i = 0; i < count;) {
        const uint8_t byte = input[i];
        tokens[n++] = byte;
        histogram[n & 3][byte]++;
        i++;
        if (i + shortest_run > count || input[i] != byte || input[i + 1] != byte || input[i + 2] != byte || input[i + 3] != byte) continue;
        size_t end = i + shortest_run;
        while (end < count && input[end] == byte && end - i < longest_run) end++;
        tokens[n++] = (uint16_t)(256 + (end - i));
        unsigned extra, extra_bits;
        frequencies[length_symbol((unsigned)(end - i), &extra, &extra_bits)]++;
        *extra_total += extra_bits + 1;
        i = end;
    }
    for (int i = 0; i < 256; i++) frequencies[i] += histogram[0][i] + histogram[1][i] + histogram[2][i] + histogram[3][i];
    return n;
}

// The code lengths of both alphabets, themselves run-length coded: symbol in the low byte, extra bits above.
static int pack_lengths(const uint8_t *lengths, int count, uint16_t *packed) {
    int n = 0;
    for (int i = 0; i < count;) {
        int run = 1;
        while (i + run < count && lengths[i + run] == lengths[i]) run++;
        if (lengths[i] == 0 && run >= 3) {
            const int take = run > 138 ? 138 : run;
            packed[n++] = take <= 10 ? (uint16_t)(17 | (take - 3) << 8) : (uint16_t)(18 | (take - 11) << 8);
            i += take;
        } else if (run >= 4) {
            packed[n++] = lengths[i++];
            const int take = run - 1 > 6 ? 6 : run - 1;
            packed[n++] = (uint16_t)(16 | (take - 3) << 8);
            i += take;
        } else {
            packed[n++] = lengths[i++];
        }
    }
    return n;
}

static void block(writer *w, const uint8_t *input, size_t count, int is_last, uint16_t *tokens) {
    uint32_t frequencies[literal_symbols] = {0};
    uint64_t bits = 0;
    const size_t n = tokenize(input, count, tokens, frequencies, &bits);
    frequencies[256] = 1;
    uint8_t lengths[literal_symbols + 1];
    uint16_t codes[literal_symbols];
    code_lengths(frequencies, literal_symbols, 15, lengths);
    int used = literal_symbols;
    while (used > 257 && lengths[used - 1] == 0) used--;
    // One distance, 1, in one bit.
    lengths[used] = 1;
    uint16_t packed[literal_symbols + 1];
    const int packed_count = pack_lengths(lengths, used + 1, packed);
    lengths[used] = 0;
    uint32_t length_frequencies[length_symbols] = {0};
    for (int i = 0; i < packed_count; i++) length_frequencies[packed[i] & 0xFF]++;
    uint8_t length_lengths[length_symbols];
    uint16_t length_codes[length_symbols];
    code_lengths(length_frequencies, length_symbols, 7, length_lengths);
    int orders = length_symbols;
    while (orders > 4 && length_lengths[length_order[orders - 1]] == 0) orders--;

    static const uint8_t extra_of[length_symbols] = {[16] = 2, [17] = 3, [18] = 7};
    for (int i = 0; i < literal_symbols; i++) bits += (uint64_t)frequencies[i] * lengths[i];
    bits += 17 + 3 * (uint64_t)orders;
    for (int i = 0; i < length_symbols; i++) bits += (uint64_t)length_frequencies[i] * (uint64_t)(length_lengths[i] + extra_of[i]);
    if (bits / 8 >= count + 4) {
        stored_block(w, input, count, is_last);
        return;
    }

    assign_codes(lengths, literal_symbols, codes);
    assign_codes(length_lengths, length_symbols, length_codes);
    put(w, (uint64_t)is_last | 2 << 1, 3);
    put(w, (uint64_t)(used - 257), 5);
    put(w, 0, 5);
    put(w, (uint64_t)(orders - 4), 4);
    for (int i = 0; i < orders; i++) put(w, length_lengths[length_order[i]], 3);
    for (int i = 0; i < packed_count; i++) {
        const int symbol = packed[i] & 0xFF;
        put(w, length_codes[symbol], length_lengths[symbol]);
        if (extra_of[symbol]) put(w, packed[i] >> 8, extra_of[symbol]);
    }
    for (size_t i = 0; i < n; i++) {
        if (tokens[i] < 256) {
            put(w, codes[tokens[i]], lengths[tokens[i]]);
            continue;
        }
        unsigned extra, extra_bits;
        const unsigned symbol = length_symbol(tokens[i] - 256u, &extra, &extra_bits);
        put(w, codes[symbol], lengths[symbol]);
        // The extra bits, then the distance's single 0.
        put(w, extra, extra_bits + 1);
    }
    put(w, codes[256], lengths[256]);
}

size_t isomer_deflate_runs_bound(size_t count) { return count + (count / block_bytes + 1) * 8 + 16; }

size_t isomer_deflate_runs(
    isomer_deflate_state *state, const uint8_t *input, size_t count, int is_last, uint8_t *output, uint16_t *tokens) {
    writer w = {state->bits, state->count, output};
    do {
        const size_t part = count < block_bytes ? count : block_bytes;
        block(&w, input, part, is_last && part == count, tokens);
        input += part;
        count -= part;
    } while (count > 0);
    if (is_last)
        pad(&w);
    else
        put_whole_bytes(&w);
    state->bits = w.bits;
    state->count = w.count;
    return (size_t)(w.output - output);
}
