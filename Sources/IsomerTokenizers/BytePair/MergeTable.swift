/// Which neighbours may be joined, how early, and into what.
///
/// An open-addressing table from pairs of ids; looking one up costs a few neighbouring probes.
public struct MergeTable: Sendable {
    /// One rule.
    public struct Merge: Hashable, Sendable {
        /// Its place in the list: lower ranks are applied first.
        public let rank: UInt32
        /// The token that both become.
        public let result: TokenID
    }

    private struct Entry {
        var key = UInt64.max
        var merge = Merge(rank: 0, result: 0)
    }

    /// A key of all ones is free: no vocabulary has such ids. The size is a power of two, at most three quarters full.
    private var entries: [Entry]
    /// How many rules there are.
    public private(set) var count = 0

    init(capacity: Int) {
        var size = 16
        while size * 3 < capacity * 4 { size *= 2 }
        entries = [Entry](repeating: Entry(), count: size)
    }

    /// The rule for two neighbours, or `nil`.
    @inline(__always)
    public func merge(_ left: TokenID, _ right: TokenID) -> Merge? {
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        return entries[slot].key == key ? entries[slot].merge : nil
    }

    /// Where `key` is, or the free place where it would be.
    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: ByteHash.hash(key)) & mask
        while entries[slot].key != key, entries[slot].key != .max { slot = (slot + 1) & mask }
        return slot
    }

    /// Adds a rule. Returns `false`, and changes nothing, if there is one for this pair already.
    mutating func insert(_ left: TokenID, _ right: TokenID, _ merge: Merge) -> Bool {
        if (count + 1) * 4 > entries.count * 3 { grow() }
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        guard entries[slot].key != key else { return false }
        entries[slot] = Entry(key: key, merge: merge)
        count += 1
        return true
    }

    private mutating func grow() {
        let old = entries
        entries = [Entry](repeating: Entry(), count: old.count * 2)
        for entry in old where entry.key != .max { entries[slot(of: entry.key)] = entry }
    }
}
