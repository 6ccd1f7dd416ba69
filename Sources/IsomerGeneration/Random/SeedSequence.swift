/// Seeds made out of a seed and a place in a tree, which have nothing in common with one another.
///
/// Reference: O'Neill, "Developing a seed_seq alternative", 2015; NumPy 2.3, numpy/random/bit_generator.pyx `SeedSequence`.
struct SeedSequence {
    private var pool: [UInt32]

    /// The sequence of `seed`, and of the numbers that tell a place, if any.
    init(_ seed: UInt64, place: [UInt64] = [], poolSize: Int) {
        var entropy = Self.words(seed)
        if !place.isEmpty {
            entropy += [UInt32](repeating: 0, count: max(0, poolSize - entropy.count))
            entropy += place.flatMap(Self.words)
        }
        var constant: UInt32 = 0x43B0_D7E5
        func hash(_ word: UInt32) -> UInt32 {
            var value = word ^ constant
            constant &*= 0x931E_8875
            value &*= constant
            return value ^ value >> 16
        }
        func mix(_ x: UInt32, _ y: UInt32) -> UInt32 {
            let value = 0xCA01_F9DD &* x &- 0x4973_F715 &* y
            return value ^ value >> 16
        }
        var pool = (0..<poolSize).map { hash($0 < entropy.count ? entropy[$0] : 0) }
        for source in 0..<poolSize {
            for target in 0..<poolSize where target != source { pool[target] = mix(pool[target], hash(pool[source])) }
        }
        for word in entropy.dropFirst(poolSize) {
            for target in 0..<poolSize { pool[target] = mix(pool[target], hash(word)) }
        }
        self.pool = pool
    }

    /// The first `count` seeds.
    func seeds(_ count: Int) -> [UInt32] {
        var constant: UInt32 = 0x8B51_F9DD
        return (0..<count).map { index in
            var value = pool[index % pool.count] ^ constant
            constant &*= 0x58F3_8DED
            value &*= constant
            return value ^ value >> 16
        }
    }

    /// The 32-bit words of a number, the low one first; at least one.
    private static func words(_ number: UInt64) -> [UInt32] {
        let high = UInt32(number >> 32)
        return [UInt32(truncatingIfNeeded: number)] + (high == 0 ? [] : [high])
    }
}
