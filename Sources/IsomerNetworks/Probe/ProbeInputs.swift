import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute
import IsomerTensors

/// Inputs that a network can be tried with, made from a seed: the same on every machine.
public struct ProbeInputs: Sendable {
    /// What the numbers follow from.
    public let seed: UInt64
    /// Ids stay below this though the network knows more: two that are compared are to read the same.
    public let vocabulary: Int

    /// Tokens of a text where the network does not say how many it reads: CLIP's.
    static let tokens = 77

    /// Inputs of one seed.
    public init(seed: UInt64, vocabulary: Int = .max) {
        self.seed = seed
        self.vocabulary = vocabulary
    }

    /// Nearly normally distributed numbers; the name and place of each tell its value.
    public func tensor(_ c: Computation, _ name: String, _ shape: [Int]) throws(IsomerError) -> Tensor {
        if c.isPlanning { return try c.zeros(shape) }
        let source = try RandomSource([TensorDescriptor(name: name, scalarType: .f32, shape: Shape(shape))], seed: seed)
        let bytes = try source.bytes(of: 0)
        let values = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        // A source of weights makes them small; inputs are of size one.
        let size = (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, values.count))).squareRoot()
        return try c.tensor(shape, values.map { size == 0 ? 0 : Float(Double($0) / size) })
    }

    /// A late and an early time in turn, of 1000.
    public func times(_ images: Int) -> [Float] { (0..<images).map { $0 % 2 == 0 ? 981 : 37 } }

    /// Ids below `count`, the largest at the end of each text.
    public func ids(texts: Int, tokens: Int, count: Int) -> [Int] {
        let count = min(count, vocabulary)
        return (0..<texts).flatMap { text in
            (0..<tokens).map { place in
                place + 1 == tokens ? count - 1 : (place &* 7919 &+ text &* 104_729 &+ 320) % max(1, count - 1)
            }
        }
    }

    /// Whatever a UNet, or a ControlNet made of one, is conditioned on.
    func conditioning(
        _ c: Computation, _ configuration: UNetConfiguration, images: Int, tokens: Int
    ) throws(IsomerError) -> UNet2DCondition.Conditioning {
        var conditioning = UNet2DCondition.Conditioning(
            context: try tensor(c, "context", [images, tokens, configuration.crossAttentionWidth]))
        switch configuration.classEmbedding {
        case .none: break
        case .table(let count): conditioning.classes = (0..<images).map { Float($0 % max(1, count)) }
        case .timestep: conditioning.classes = (0..<images).map { Float(20 + $0) }
        case .projection(let width): conditioning.classVector = try tensor(c, "class", [images, width])
        }
        if configuration.guidanceWidth != nil { conditioning.guidance = (0..<images).map { _ in 7.5 } }
        if let width = configuration.additionWidth, let each = configuration.additionTimeWidth {
            // Six sizes beside two encoders' text; five in the refiner, whose pooled text is as wide as its one encoder's.
            let isRefiner = width - configuration.crossAttentionWidth == 5 * each
            let sizes: [Float] = isRefiner ? [1024, 1024, 0, 0, 6] : [1024, 1024, 0, 0, 1024, 1024]
            let text = try self.tensor(c, "text", [images, width - sizes.count * each])
            conditioning.addition = (text, (0..<images).flatMap { _ in sizes })
        }
        return conditioning
    }
}

extension Int {
    /// The next multiple of `unit`.
    func rounded(upTo unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
