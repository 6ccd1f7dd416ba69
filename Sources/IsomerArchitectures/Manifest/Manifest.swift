public import IsomerBytes
public import IsomerTensors

/// The tensors a network has: every name and shape, in the order of the reference implementation's state dictionary.
public struct Manifest: Sendable {
    /// One tensor of a network.
    public struct Entry: Hashable, Sendable {
        /// The full dotted name in the canonical (Diffusers, transformers) naming.
        public let name: String
        /// Its extents.
        public let shape: Shape

        /// Pairs a name with its shape.
        public init(name: String, shape: Shape) {
            self.name = name
            self.shape = shape
        }
    }

    /// The tensors in order.
    public private(set) var entries: [Entry] = []
    private var positions: [String: Int] = [:]

    /// Forty times what the largest published network has: a configuration that makes more is damaged or made to exhaust memory.
    static let greatestCount = 100_000

    /// A manifest without tensors, to be added to.
    public init() {}

    /// Adds a tensor. Throws if the name is taken: two modules of a network cannot own one parameter.
    public mutating func add(_ name: String, _ shape: Shape) throws(IsomerError) {
        guard entries.count < Manifest.greatestCount else {
            throw IsomerError(
                .limitExceeded, "the configuration makes a network of more tensors than any has",
                expected: "at most \(Manifest.greatestCount)")
        }
        guard positions.updateValue(entries.count, forKey: name) == nil else {
            throw IsomerError(.malformed, "the configuration makes two tensors with one name", item: name)
        }
        entries.append(Entry(name: name, shape: shape))
    }

    /// The shape of tensor `name`, or `nil` if the network has none such.
    public subscript(name: String) -> Shape? {
        positions[name].map { entries[$0].shape }
    }

    /// Numbers in all tensors together.
    public var parameterCount: Int {
        entries.reduce(0) { $0 &+ $1.shape.elementCount }
    }
}
