/// Distinct byte strings, numbered in the order in which they came, all in one piece of memory.
///
/// An open-addressing hash table with a hash that is seeded once a process, so that no file can be made whose tokens all collide.
struct ByteStringTable: Sendable {
    private var text: [UInt8] = []
    /// Where each string ends in `text`; it begins where the one before it ends. The first is a zero that ends no string.
    private var ends: [UInt32] = [0]
    /// Number plus one of the string in each slot; zero is free. The size is a power of two, at most half full.
    private var slots: [UInt32]
    /// Each string's hash: almost every wrong slot is passed by without looking at bytes, and growing never looks.
    private var hashes: [UInt32] = []

    init(capacity: Int, textCapacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        hashes.reserveCapacity(capacity)
        ends.reserveCapacity(capacity + 1)
        text.reserveCapacity(textCapacity)
    }

    var count: Int { hashes.count }

    /// Whether another string of this length still has a place.
    func hasRoom(for length: Int) -> Bool {
        length < Int(UInt32.max) - text.count && count < Int(UInt32.max) - 1
    }

    subscript(number: Int) -> ArraySlice<UInt8> {
        text[Int(ends[number])..<Int(ends[number + 1])]
    }

    /// The number of the string that equals `key`.
    func find(_ key: Span<UInt8>) -> Int? {
        find(key, ByteHash.hash(key))
    }

    private func find(_ key: Span<UInt8>, _ hash: UInt32) -> Int? {
        let mask = slots.count - 1
        let (slots, hashes, ends, text) = (slots.span, hashes.span, ends.span, text.span)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot] - 1)
            if hashes[number] == hash, text.extracting(Int(ends[number])..<Int(ends[number + 1])).equals(key) { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Adds a string for which there is room. Returns its number, or `nil` if it is there already.
    mutating func insert(_ key: Span<UInt8>) -> Int? {
        let hash = ByteHash.hash(key)
        if find(key, hash) != nil { return nil }
        if (count + 1) * 2 > slots.count { grow() }
        place(hash, count)
        hashes.append(hash)
        text.append(contentsOf: key)
        ends.append(UInt32(truncatingIfNeeded: text.count))
        return count - 1
    }

    private mutating func place(_ hash: UInt32, _ number: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = UInt32(number + 1)
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, hash) in hashes.enumerated() { place(hash, number) }
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
        for position in indices where self[position] != other[position] { return false }
        return true
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
