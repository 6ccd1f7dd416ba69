/// Which neighbours may be joined, how early, and into what.
///
/// An open-addressing table from pairs of ids; looking one up costs one probe on average.
public struct MergeTable: Sendable {
    /// One rule.
    public struct Merge: Hashable, Sendable {
        /// Its place in the list: lower ranks are applied first.
        public let rank: UInt32
        /// The token that both become.
        public let result: TokenID
    }

    private var keys: [UInt64]
    private var merges: [Merge]
    /// How many rules there are.
    public private(set) var count = 0

    private static let free = UInt64.max

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: Self.free, count: size)
        merges = [Merge](repeating: Merge(rank: 0, result: 0), count: size)
    }

    /// The rule for two neighbours, or `nil`.
    @inline(__always)
    public func merge(_ left: TokenID, _ right: TokenID) -> Merge? {
        let key = UInt64(left) << 32 | UInt64(right)
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: ByteHash.hash(key)) & mask
        while true {
            if keys[slot] == key { return merges[slot] }
            if keys[slot] == Self.free { return nil }
            slot = (slot + 1) & mask
        }
    }

    /// Adds a rule. Returns `false`, and changes nothing, if there is one for this pair already.
    mutating func insert(_ left: TokenID, _ right: TokenID, _ merge: Merge) -> Bool {
        if self.merge(left, right) != nil { return false }
        if (count + 1) * 2 > keys.count { grow() }
        place(UInt64(left) << 32 | UInt64(right), merge)
        count += 1
        return true
    }

    private mutating func place(_ key: UInt64, _ merge: Merge) {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: ByteHash.hash(key)) & mask
        while keys[slot] != Self.free { slot = (slot + 1) & mask }
        keys[slot] = key
        merges[slot] = merge
    }

    private mutating func grow() {
        let (oldKeys, oldMerges) = (keys, merges)
        keys = [UInt64](repeating: Self.free, count: oldKeys.count * 2)
        merges = [Merge](repeating: Merge(rank: 0, result: 0), count: keys.count)
        for slot in oldKeys.indices where oldKeys[slot] != Self.free { place(oldKeys[slot], oldMerges[slot]) }
    }
}
