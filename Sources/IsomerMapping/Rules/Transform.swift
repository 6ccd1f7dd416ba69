/// How a tensor's elements lie in another layout, as seen from the canonical one. Each has an inverse; the set is closed.
public enum Transform: Hashable, Sendable {
    /// The same elements in the same shape.
    case identity
    /// The same elements; the other layout has this many extents of 1 more at the end (a 1×1 convolution for a linear map).
    case trailingUnitAxes(Int)
    /// The same elements; the other layout has one extent of 1 more in front.
    case leadingUnitAxis
    /// Rows for columns.
    case transpose
    /// The two halves along the first axis change places (scale and shift of a modulation).
    case swapHalves
    /// Several canonical tensors follow one another along the first axis of one tensor.
    case concatenate
}
