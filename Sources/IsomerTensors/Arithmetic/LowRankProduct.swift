internal import CKernels
public import IsomerBytes

/// A matrix as the product of two narrow ones, held as it is added to weights: what an adapter changes of one tensor.
///
/// Made once for a tensor; any number of threads may add any of its rows at once.
public final class LowRankProduct: @unchecked Sendable {
    // SAFETY (@unchecked): the memory is written while the product is made, and only read afterwards.

    /// Rows of the product.
    public let rows: Int
    /// Columns of the product.
    public let columns: Int
    /// What lies between the factors.
    public let rank: Int

    /// The first factor, a row of `rank` numbers for each row of the product.
    private let left: UnsafeMutableBufferPointer<Double>
    /// The second factor, in the kernels' own order.
    private let panels: UnsafeMutableBufferPointer<Double>

    /// From `up`, rows × rank, and `down`, rank × columns, both row after row. Throws `usage` for buffers that are too small.
    public init(up: FloatBuffer, down: FloatBuffer, rows: Int, columns: Int, rank: Int) throws(IsomerError) {
        guard rows >= 0, columns >= 0, rank >= 0, up.count >= rows * rank, down.count >= rank * columns else {
            throw IsomerError(.usage, "factors do not have the sizes given", expected: "\(rows) × \(rank) × \(columns)")
        }
        (self.rows, self.columns, self.rank) = (rows, columns, rank)
        left = Self.memory(rows * rank)
        panels = Self.memory(isomer_low_rank_panels(rank, columns))
        for i in 0..<rows * rank { left[i] = Double(up.values[i]) }
        // SAFETY: `down` has the numbers, as was just checked, and `panels` the room.
        isomer_low_rank_pack(down.values.baseAddress, rank, columns, panels.baseAddress)
    }

    deinit {
        left.deallocate()
        panels.deallocate()
    }

    private static func memory(_ count: Int) -> UnsafeMutableBufferPointer<Double> {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count) * MemoryLayout<Double>.size, alignment: 64)
        return UnsafeMutableBufferPointer(rebasing: bytes.bindMemory(to: Double.self)[..<count])
    }

    /// Bytes of memory that it takes.
    public var byteCount: Int { (left.count + panels.count) * MemoryLayout<Double>.size }

    /// `output[m][n] += factor · Σ up[m][r] · down[r][n]` for the product's rows `rows`, of which the first is the first in `output`: summed in
    /// 64-bit floats, in order of `r`, and rounded once, the same on every machine.
    ///
    /// Throws `usage` if there are no such rows, or `output` has no room for them.
    public func add(
        _ rows: Range<Int>, times factor: Double, to output: UnsafeMutableBufferPointer<Float>, level: KernelLevel = .current
    ) throws(IsomerError) {
        guard rows.lowerBound >= 0, rows.upperBound <= self.rows, output.count >= rows.count * columns else {
            throw IsomerError(.usage, "a buffer of weights is too small", expected: "\(rows.count) × \(columns) elements")
        }
        guard !rows.isEmpty, columns > 0, rank > 0, let left = left.baseAddress else { return }
        // SAFETY: the factors have the extents that they were made with, and `output` room for these rows.
        isomer_add_low_rank(
            level.native, left + rows.lowerBound * rank, panels.baseAddress, rows.count, columns, rank, factor, output.baseAddress)
    }
}
