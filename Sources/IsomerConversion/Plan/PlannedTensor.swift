public import IsomerTensors

/// A tensor to be written, and the pieces of it.
public struct PlannedTensor: Hashable, Sendable {
    /// Its name, type and shape in the file to be written.
    public var descriptor: TensorDescriptor
    /// Its elements in order.
    public var pieces: [Piece]
    /// The type that the sources' elements have. Where it differs from the descriptor's, they are cast on the way.
    public var sourceType: ScalarType
    /// What elements are multiplied by, in binary32, before they are cast; `nil` to leave them.
    public var multiplier: Float?

    public init(_ descriptor: TensorDescriptor, pieces: [Piece], sourceType: ScalarType) {
        self.descriptor = descriptor
        self.pieces = pieces
        self.sourceType = sourceType
    }

    /// One tensor of a source, unchanged but perhaps for its name, shape and type.
    public init(_ descriptor: TensorDescriptor, from reference: TensorReference, of sourceType: ScalarType) {
        self.init(descriptor, pieces: [.tensor(reference, .whole)], sourceType: sourceType)
    }

    /// Whether the elements change.
    public var isCast: Bool { sourceType != descriptor.scalarType || multiplier != nil }
}
