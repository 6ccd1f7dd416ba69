/// Distinct byte strings, numbered in the order in which they came, all in one piece of memory.
///
/// An open-addressing hash table with a hash that is seeded once a process, so that no file can be made whose tokens all collide.
struct ByteStringTable: Sendable {
    private var text: [UInt8] = []
    /// Where each string ends in `text`; it begins where the one before it ends. The first is a zero that ends no string.
    private var ends: [UInt32] = [0]
    /// In each slot a string's hash (upper half) and its number plus one (lower half); zero is free. Almost every wrong slot is passed by
    /// without looking at bytes, and growing never looks. The size is a power of two, at most three quarters full: what loading a vocabulary
    /// takes is mostly memory touched for the first time.
    private var slots: [UInt64]

    init(capacity: Int, textCapacity: Int) {
        var size = 16
        while size * 3 < capacity * 4 { size *= 2 }
        slots = [UInt64](repeating: 0, count: size)
        ends.reserveCapacity(capacity + 1)
        text.reserveCapacity(textCapacity)
    }

    var count: Int { ends.count - 1 }

    /// Whether another string of this length still has a place.
    func hasRoom(for length: Int) -> Bool {
        length < Int(UInt32.max) - text.count && count < Int(UInt32.max) - 1
    }

    subscript(number: Int) -> ArraySlice<UInt8> {
        text[Int(ends[number])..<Int(ends[number + 1])]
    }

    /// Appends the bytes of a string.
    func append(_ number: Int, to other: inout [UInt8]) {
        other.append(contentsOf: text.span.extracting(Int(ends[number])..<Int(ends[number + 1])))
    }

    /// The number of the string that equals `key`.
    func find(_ key: Span<UInt8>) -> Int? {
        probe(key, ByteHash.hash(key)).number
    }

    /// The number of the string that equals `key`, and its slot, or the free one where it would be.
    private func probe(_ key: Span<UInt8>, _ hash: UInt32) -> (number: Int?, slot: Int) {
        let mask = slots.count - 1
        let (slots, ends, text) = (slots.span, ends.span, text.span)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            if UInt32(truncatingIfNeeded: slots[slot] >> 32) == hash {
                let number = Int(UInt32(truncatingIfNeeded: slots[slot])) - 1
                if text.extracting(Int(ends[number])..<Int(ends[number + 1])).equals(key) { return (number, slot) }
            }
            slot = (slot + 1) & mask
        }
        return (nil, slot)
    }

    /// Adds a string for which there is room. Returns its number, or `nil` if it is there already.
    mutating func insert(_ key: Span<UInt8>) -> Int? {
        if (count + 1) * 4 > slots.count * 3 { grow() }
        let hash = ByteHash.hash(key)
        let (known, slot) = probe(key, hash)
        guard known == nil else { return nil }
        let number = count
        slots[slot] = UInt64(hash) << 32 | UInt64(number + 1)
        text.append(contentsOf: key)
        ends.append(UInt32(truncatingIfNeeded: text.count))
        return number
    }

    private mutating func place(_ entry: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: entry >> 32) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = entry
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        for entry in old where entry != 0 { place(entry) }
    }
}

/// Hashes of byte strings and pairs for tables that files fill.
enum ByteHash {
    private static let seed = UInt64.random(in: .min ... .max) | 1

    /// Multiplies eight bytes at a time into the state and folds the halves.
    @inline(__always)
    static func hash(_ bytes: Span<UInt8>) -> UInt32 {
        bytes.withUnsafeBytes { hash($0) }
    }

    @inline(__always)
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let seed = seed
        var state = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        var offset = 0
        while bytes.count - offset >= 8 {
            // SAFETY: eight bytes are left.
            state = fold(state ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), seed)
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < bytes.count {
            tail = tail << 8 | UInt64(bytes[offset])
            offset += 1
        }
        state = fold(state ^ tail, seed)
        return UInt32(truncatingIfNeeded: state ^ (state >> 32))
    }

    /// A hash of two ids.
    @inline(__always)
    static func hash(_ pair: UInt64) -> UInt32 {
        let state = fold(pair, seed)
        return UInt32(truncatingIfNeeded: state ^ (state >> 32))
    }

    @inline(__always)
    private static func fold(_ value: UInt64, _ seed: UInt64) -> UInt64 {
        let product = (value ^ seed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

extension Span<UInt8> {
    func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return withUnsafeBytes { left in
            other.withUnsafeBytes { right in
                var offset = 0
                while left.count - offset >= 8 {
                    // SAFETY: both have as many bytes, of which eight are left.
                    if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                        != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    {
                        return false
                    }
                    offset += 8
                }
                while offset < left.count {
                    if left[offset] != right[offset] { return false }
                    offset += 1
                }
                return true
            }
        }
    }
}

extension String {
    init(decoding bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    mutating func append(contentsOf bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}
