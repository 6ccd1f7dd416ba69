public import IsomerBytes
public import IsomerCompute
import IsomerTensors

/// One change of a weight: two narrow matrices whose product is added, W + scale · (up · down).
public struct LowRankUpdate: Sendable {
    /// `[outputs, rank]`, row-major; of a convolution `[outputs, rank, 1, 1]`, which is the same.
    public let up: [Float]
    /// `[rank, inputs]`, row-major; of a convolution `[rank, inputs, height, width]`, the last three taken for one.
    public let down: [Float]
    public let rank: Int
    /// How strongly it counts: the user's strength times alpha / rank.
    public var scale: Float

    /// Throws `mismatch` if the matrices are not of one rank.
    public init(up: [Float], down: [Float], rank: Int, scale: Float) throws(IsomerError) {
        guard rank > 0, !up.isEmpty, !down.isEmpty, up.count % rank == 0, down.count % rank == 0 else {
            throw IsomerError(
                .mismatch, "the two matrices of a low-rank update do not fit", expected: "multiples of the rank \(rank)",
                found: "\(up.count) and \(down.count) numbers")
        }
        self.up = up
        self.down = down
        self.rank = rank
        self.scale = scale
    }
}

/// LoRA, at run time: weights stay where they are stored, and each becomes W + Σ strength · scale · (up · down) when it is used.
///
/// With `Weights.keepsAdapted` the sums are kept once made: applied on load. Without, they are made in every pass, in the memory of one weight.
public final class LowRankAdapter: WeightAdapter {
    /// How strongly all of it counts. Applies to what is made from here on: not to sums that weights keep.
    public var strength: Float
    private let updates: [String: [LowRankUpdate]]
    private let workers: Workers
    /// Made with the first weight.
    private var pass: Computation?

    /// - Parameter updates: by the parameter's canonical name, without the component's prefix: "mid_block.attentions.0.proj_in.weight".
    public init(_ updates: [String: [LowRankUpdate]], strength: Float = 1, workers: Workers = Workers()) {
        self.updates = updates
        self.strength = strength
        self.workers = workers
    }

    public func changes(_ name: String) -> Bool { strength != 0 && updates[name] != nil }

    /// Names of parameters that it changes, sorted.
    public var names: [String] { updates.keys.sorted() }

    public func apply(to values: UnsafeMutableBufferPointer<Float>, name: String, shape: [Int]) throws(IsomerError) {
        let outputs = shape.first ?? 1
        let inputs = outputs == 0 ? 0 : values.count / outputs
        for update in updates[name] ?? [] {
            guard update.up.count == outputs * update.rank, update.down.count == inputs * update.rank else {
                throw IsomerError(
                    .mismatch, "a low-rank update does not fit its weight", item: name, expected: "\(outputs)×\(inputs)",
                    found: "\(update.up.count / update.rank)×\(update.down.count / update.rank)")
            }
            let c = if let pass { pass } else { try Computation(workers: workers) }
            pass = c
            // As one linear map of `up`'s rows, whose weight is `down` transposed.
            var turned = [Float](repeating: 0, count: update.down.count)
            for row in 0..<update.rank {
                for column in 0..<inputs { turned[column * update.rank + row] = update.down[row * inputs + column] }
            }
            let weights = Weights(try FloatSource("down.weight", [inputs, update.rank], turned))
            let sum = try c.linear(
                c.tensor([outputs, update.rank], update.up), weights.root["down"], outputs: inputs, hasBias: false,
                scale: strength * update.scale, residual: c.tensor([outputs, inputs], Array(values)))
            try sum.withValues { sum throws(IsomerError) in _ = values.update(fromContentsOf: sum) }
        }
    }
}

/// One tensor in memory.
private final class FloatSource: TensorSource {
    let tensors: [TensorDescriptor]
    let metadata = FileMetadata()
    private let values: [Float]

    init(_ name: String, _ shape: [Int], _ values: [Float]) throws(IsomerError) {
        tensors = [try TensorDescriptor(name: name, scalarType: .f32, shape: Shape(shape))]
        self.values = values
    }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        values.withUnsafeBytes { bytes in
            guard offset >= 0, offset <= bytes.count, buffer.count <= bytes.count - offset else { return }
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + buffer.count]))
        }
    }

    func storedRange(of index: Int) -> StoredRange? { nil }
}
