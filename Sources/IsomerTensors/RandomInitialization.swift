/// How the random elements of a tensor are distributed: nearly normally, around a mean.
///
/// Nothing is constant, not even the scale of a normalisation, so that a tensor that ends up in the wrong place is noticed.
///
/// | tensor | mean | deviation |
/// |---|---|---|
/// | one or no dimension, `weight`, `gamma`, `scale`, `running_var` | 1 | 0.02 |
/// | one or no dimension, otherwise: biases, class embeddings | 0 | 0.02 |
/// | two or more dimensions, an embedding by its name | 0 | 0.02 |
/// | two or more dimensions, otherwise | 0 | 1 / √(fan-in), the product of all extents but the first |
public struct RandomInitialization: Hashable, Sendable {
    public var mean: Double
    public var deviation: Double

    private static let small = 0.02

    /// The rule for a tensor, by its rank and its name.
    public init(_ tensor: TensorDescriptor) {
        let path = tensor.name.split(separator: ".")
        let last = path.last ?? ""
        let extents = tensor.shape.dimensions
        if extents.count <= 1 {
            let isScale = ["weight", "gamma", "scale", "running_var"].contains(last)
            self.init(mean: isScale ? 1 : 0, deviation: Self.small)
            return
        }
        let isEmbedding = path.contains { part in
            part.hasSuffix("embedding") || part.hasSuffix("embeddings")
                || ["embed_tokens", "wte", "wpe", "shared", "class_embed"].contains(part)
        }
        // "time_embedding.linear_1" is a layer inside something called an embedding.
        let isLayer = path.dropLast().last.map { $0.hasPrefix("linear") || $0.hasPrefix("proj") || $0.allSatisfy(\.isNumber) } ?? false
        if isEmbedding, !isLayer {
            self.init(mean: 0, deviation: Self.small)
            return
        }
        // As a Double: the extents of a tensor without elements may be beyond any product.
        let fanIn = extents.dropFirst().reduce(1.0) { $0 * Double($1) }
        self.init(mean: 0, deviation: 1 / max(fanIn, 1).squareRoot())
    }

    init(mean: Double, deviation: Double) {
        self.mean = mean
        self.deviation = deviation
    }
}
