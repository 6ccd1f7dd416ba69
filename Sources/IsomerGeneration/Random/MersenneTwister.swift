/// The 32-bit Mersenne Twister with a period of 2¹⁹⁹³⁷ − 1, seeded with one word.
///
/// Reference: Matsumoto and Nishimura, mt19937ar.c, 2002; PyTorch's CPU generator and NumPy's `RandomState` are both this one.
struct MersenneTwister: Sendable {
    private static let size = 624
    private var state: [UInt32]
    private var position: Int

    init(seed: UInt32) {
        var state: [UInt32] = [seed]
        state.reserveCapacity(Self.size)
        var last = seed
        for index in 1..<UInt32(Self.size) {
            last = 1_812_433_253 &* (last ^ (last >> 30)) &+ index
            state.append(last)
        }
        self.state = state
        position = Self.size
    }

    mutating func next() -> UInt32 {
        if position == Self.size { twist() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    private mutating func twist() {
        for index in 0..<Self.size {
            let joined = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.size] & 0x7FFF_FFFF)
            let mixed = (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
            state[index] = state[(index + 397) % Self.size] ^ mixed
        }
        position = 0
    }
}
