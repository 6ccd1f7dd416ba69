/// Names one tensor of one of a plan's sources.
public struct TensorReference: Hashable, Sendable {
    /// Which source, counted in `ConversionPlan.sources`.
    public var source: Int
    /// Which of its tensors, counted in `TensorSource.tensors`.
    public var index: Int

    public init(source: Int, index: Int) {
        self.source = source
        self.index = index
    }
}

/// A run of a planned tensor's elements and where they come from.
///
/// The pieces of a tensor follow one another, row-major: together they are a concatenation along the outermost axis, which is all that weight
/// layouts need besides a transpose. A reshape is a piece too, for it moves no bytes.
public enum Piece: Hashable, Sendable {
    /// Elements of a source's tensor.
    case tensor(TensorReference, Part)
    /// Bytes that no source has, already of the planned tensor's type.
    case constant([UInt8])

    /// Which elements of a source's tensor, and in which order.
    public enum Part: Hashable, Sendable {
        /// All, in order.
        case whole
        /// A contiguous row-major run: rows, halves, thirds. Where an element is smaller than a byte, both ends must lie between bytes.
        case elements(Range<Int>)
        /// All, read as a matrix of `rows` × `columns` and turned into one of `columns` × `rows`.
        case transposed(rows: Int, columns: Int)
    }
}
