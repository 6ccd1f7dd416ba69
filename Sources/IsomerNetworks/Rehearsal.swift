import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute
import IsomerTensors

/// Inputs that a network can be tried with, made from a seed: the same on every machine.
public struct ProbeInputs: Sendable {
    /// What the numbers follow from.
    public let seed: UInt64

    /// Inputs of one seed.
    public init(seed: UInt64) { self.seed = seed }

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
}

extension UNet2DCondition {
    /// Runs once on made-up inputs: `images` latents of `height` times `width`.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, height: Int? = nil, width: Int? = nil, images: Int = 2, tokens: Int = 77,
        inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> Tensor {
        let sample = try inputs.tensor(
            c, "sample", [images, height ?? 2 * sizeUnit, width ?? sizeUnit, configuration.inputChannels])
        var conditioning = Conditioning(
            context: try inputs.tensor(c, "context", [images, tokens, configuration.crossAttentionWidth]))
        switch configuration.classEmbedding {
        case .none: break
        case .table(let count): conditioning.classes = (0..<images).map { Float($0 % max(1, count)) }
        case .timestep: conditioning.classes = (0..<images).map { Float(20 + $0) }
        case .projection(let width): conditioning.classVector = try inputs.tensor(c, "class", [images, width])
        }
        if let width = configuration.additionWidth, let each = configuration.additionTimeWidth {
            // Six sizes beside two encoders' text; five in the refiner, whose pooled text is as wide as its one encoder's.
            let isRefiner = width - configuration.crossAttentionWidth == 5 * each
            let sizes: [Float] = isRefiner ? [1024, 1024, 0, 0, 6] : [1024, 1024, 0, 0, 1024, 1024]
            let text = try inputs.tensor(c, "text", [images, width - sizes.count * each])
            conditioning.addition = (text, (0..<images).flatMap { _ in sizes })
        }
        let times = (0..<images).map { Float($0 % 2 == 0 ? 981 : 37) }
        return try self(c, weights.root, sample: sample, times: times, conditioning)
    }
}

extension AutoencoderKL {
    /// Encodes and decodes made-up inputs once.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, height: Int = 8, width: Int = 8, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> (moments: Tensor, pictures: Tensor) {
        let picture = try inputs.tensor(
            c, "pictures", [1, height * magnification, width * magnification, configuration.inputChannels])
        let moments = try encode(c, weights.root, picture)
        let latents = try inputs.tensor(c, "latents", [1, height, width, configuration.latentChannels])
        return (moments, try decode(c, weights.root, latents))
    }
}

extension CLIPTextEncoder {
    /// Reads one made-up text of full length.
    @discardableResult
    public func rehearse(_ c: Computation, _ weights: Weights, texts: Int = 1) throws(IsomerError) -> Output {
        let (count, positions) = (configuration.vocabularySize, configuration.positions)
        let ids = (0..<texts).flatMap { text in
            (0..<positions).map { place in
                place + 1 == positions ? count - 1 : (place &* 7919 &+ text &* 104_729 &+ 320) % max(1, count - 1)
            }
        }
        return try self(c, weights.root, ids: ids, images: texts)
    }
}
