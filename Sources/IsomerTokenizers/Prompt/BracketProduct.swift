/// A bracket of a prompt that was closed: which parts it multiplies, and by how much.
struct BracketFactor {
    let start: Int
    let end: Int
    let value: Double
}

/// The product of the brackets that are around a part, in the order in which they close.
///
/// Round and square brackets need not nest in each other, so a stack would not do: this is a binary tree over all brackets, whose nodes have
/// the product and the number of those that are in. Up to `exactDepth` of them are multiplied one by one, as the web UI does, so that weights
/// are its own to the last bit; deeper products may differ in the last.
struct BracketProduct {
    private static let exactDepth = 64

    private let factors: [BracketFactor]
    private let leaves: Int
    private var products: [Double]
    private var counts: [Int]

    init(_ factors: [BracketFactor]) {
        self.factors = factors
        var leaves = 1
        while leaves < factors.count { leaves *= 2 }
        self.leaves = leaves
        products = [Double](repeating: 1, count: 2 * leaves)
        counts = [Int](repeating: 0, count: 2 * leaves)
    }

    mutating func insert(_ factor: Int) { set(factor, factors[factor].value, 1) }

    mutating func remove(_ factor: Int) { set(factor, 1, 0) }

    private mutating func set(_ factor: Int, _ value: Double, _ count: Int) {
        var node = leaves + factor
        products[node] = value
        counts[node] = count
        while node > 1 {
            node /= 2
            products[node] = products[2 * node] * products[2 * node + 1]
            counts[node] = counts[2 * node] + counts[2 * node + 1]
        }
    }

    /// The product of all that are in.
    var value: Double {
        guard counts[1] <= Self.exactDepth else { return products[1] }
        var value = 1.0
        var pending = [1]
        while let node = pending.popLast() {
            guard counts[node] > 0 else { continue }
            if node >= leaves { value *= products[node] } else { pending += [2 * node + 1, 2 * node] }
        }
        return value
    }
}
