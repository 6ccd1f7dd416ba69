/// A random path over the level of noise whose increments follow from a seed, whatever is asked for and in which order.
///
/// The whole range is halved again and again; each half's increment follows from the whole's and from noise whose seed follows from the place
/// in this tree. Ends are rounded to six decimals.
///
/// Reference: torchsde 0.2.6, `BrownianInterval` with `halfway_tree`, `tol=1e-6` and `pool_size=24`, as k-diffusion's and diffusers'
/// `BrownianTreeNoiseSampler` make it. Numbers are float32 there, and so they are here.
public struct BrownianPath: Hashable, Sendable {
    private let seed: UInt64
    private let low: Double
    private let high: Double
    private static let poolSize = 24
    /// Halves below a millionth are none. Deeper trees than that have no ends that could be asked for.
    private static let greatestDepth = 62

    /// The path from level `low` to level `high`.
    public init(seed: UInt64, from low: Float, to high: Float) {
        self.seed = seed
        self.low = Self.rounded(Double(min(low, high)))
        self.high = Self.rounded(Double(max(low, high)))
    }

    /// The noise of variance 1 of a step down from one level to another, `count` numbers.
    public func noise(_ count: Int, from start: Float, to end: Float) -> [Float] {
        let (below, above) = (Self.rounded(Double(min(start, end))), Self.rounded(Double(max(start, end))))
        let scale = (start < end ? 1 : -1) / abs(end - start).squareRoot()
        guard below < above, low < high else { return [Float](repeating: 0, count: count) }
        let top = SeedSequence(seed, poolSize: Self.poolSize).seeds(1)[0]
        let width = Float((high - low).squareRoot())
        let whole = Node(start: low, end: high, place: 0, depth: 0, increment: draw(top, count).map { $0 * width })
        var sum = [Float](repeating: 0, count: count)
        add(max(below, low), min(above, high), of: whole, to: &sum)
        return sum.map { $0 * scale }
    }

    private struct Node {
        let start: Double
        let end: Double
        let place: UInt64
        let depth: UInt64
        let increment: [Float]
    }

    /// Adds the increment between two ends inside `node`.
    private func add(_ below: Double, _ above: Double, of node: Node, to sum: inout [Float]) {
        guard below < above else { return }
        if below <= node.start, above >= node.end || node.depth >= Self.greatestDepth {
            for index in sum.indices { sum[index] += node.increment[index] }
            return
        }
        let middle = Self.rounded(0.5 * (node.end + node.start))
        let (left, right) = (middle - node.start, node.end - middle)
        guard left > 0, right > 0, node.depth < Self.greatestDepth else { return }
        let whole = 1 / (node.end - node.start)
        let seed = SeedSequence(seed, place: [node.place, node.depth], poolSize: Self.poolSize).seeds(1)[0]
        let deviation = Float((left * right * whole).squareRoot())
        let noise = draw(seed, node.increment.count)
        let first = node.increment.indices.map { Float(left) * node.increment[$0] * Float(whole) + deviation * noise[$0] }
        if below < middle {
            let half = Node(start: node.start, end: middle, place: 2 * node.place, depth: node.depth + 1, increment: first)
            add(below, min(above, middle), of: half, to: &sum)
        }
        if above > middle {
            let half = Node(
                start: middle, end: node.end, place: 2 * node.place + 1, depth: node.depth + 1,
                increment: difference(node.increment, first, 1))
            add(max(below, middle), above, of: half, to: &sum)
        }
    }

    private func draw(_ seed: UInt32, _ count: Int) -> [Float] {
        var generator = TorchNoise(seed: UInt64(seed))
        return generator.normals(count)
    }

    /// To six decimals, as Python's `round(x, 6)`: by the exact value, ties to even. Halves of two ends are ties half of the time.
    private static func rounded(_ x: Double) -> Double {
        let scaled = x * 1e6
        // What the product lost in rounding.
        let lost = (-scaled).addingProduct(x, 1e6)
        let below = scaled.rounded(.down)
        let overHalf = (scaled - below - 0.5) + lost
        let isUp = overHalf > 0 || overHalf == 0 && below.truncatingRemainder(dividingBy: 2) != 0
        return (isUp ? below + 1 : below) / 1e6
    }
}
