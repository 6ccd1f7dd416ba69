/// Tells whether a name was seen before, for a million names at the cost of eight bytes each or sixteen.
///
/// The names themselves stay where they are, in a list: the table knows their positions and 32 bits of a hash. A `Set` of strings would
/// touch a string's memory, and its reference count, wherever two come near each other.
struct NameTable {
    /// The hash in the upper half, one more than the position in the lower; zero is free. The size is a power of two.
    private var slots = [UInt64](repeating: 0, count: 64)
    private var count = 0

    /// Adds the name that will have the position `position`, which must be below 2³² - 1.
    ///
    /// - Parameters:
    ///   - name: the name's bytes.
    ///   - isSame: whether the name at a position has these bytes; asked only where the hashes agree.
    /// - Returns: whether it was new.
    mutating func insert(_ name: ArraySlice<UInt8>, position: Int, isSame: (Int) -> Bool) -> Bool {
        // Swift seeds the hasher anew in each process, so that no file can choose names that collide.
        var hasher = Hasher()
        name.withUnsafeBytes { hasher.combine(bytes: $0) }
        let tag = UInt64(truncatingIfNeeded: hasher.finalize()) & 0xFFFF_FFFF
        var slot = Int(tag) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == tag, isSame(Int(slots[slot] & 0xFFFF_FFFF) - 1) { return false }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = tag << 32 | UInt64(truncatingIfNeeded: position + 1)
        count += 1
        if count > slots.count / 2 { grow() }
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        for entry in old where entry != 0 {
            var slot = Int(entry >> 32) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = entry
        }
    }
}
