internal import CKernels

/// What lies between numbers and the blocks made of them. Errors of the parts of a tensor add up to the error of the whole, in any order, to
/// the last bit, as for `TensorStatistics`.
public struct QuantizationError: Hashable, Sendable {
    /// Elements compared.
    public private(set) var elementCount: UInt64 = 0
    /// Elements that are NaN or infinite, in the source or in what the blocks give back. The figures below leave them out.
    public private(set) var notFiniteCount: UInt64 = 0
    /// The largest difference.
    public private(set) var largest = 0.0
    private var sumOfSquares = ExactSum()
    private var sourceSumOfSquares = ExactSum()

    /// Of nothing.
    public init() {}

    /// The root of the mean squared difference.
    public var rootMeanSquare: Double {
        elementCount > 0 ? (sumOfSquares.value / Double(elementCount)).squareRoot() : 0
    }

    /// The same as a share of the source's root mean square: 0.005 for a loss of half a percent.
    public var relative: Double {
        let source = sourceSumOfSquares.value
        return source > 0 ? (sumOfSquares.value / source).squareRoot() : 0
    }

    /// Adds the error of other elements.
    public mutating func merge(_ other: QuantizationError) {
        elementCount &+= other.elementCount
        notFiniteCount &+= other.notFiniteCount
        largest = max(largest, other.largest)
        sumOfSquares += other.sumOfSquares
        sourceSumOfSquares += other.sourceSumOfSquares
    }

    mutating func add(_ found: isomer_block_error, elementCount count: Int) {
        elementCount &+= UInt64(count)
        notFiniteCount &+= found.not_finite
        largest = max(largest, found.largest)
        sumOfSquares += found.sum_of_squares
        sourceSumOfSquares += found.source_sum_of_squares
    }
}
