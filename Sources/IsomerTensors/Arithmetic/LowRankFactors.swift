internal import CKernels
public import IsomerBytes

/// A matrix as the product of two narrow ones: `up` rows × rank, `down` rank × columns, both row after row.
public struct LowRankFactors: Sendable {
    public let up: FloatBuffer
    public let down: FloatBuffer
    public let rank: Int
    /// The sizes of the parts, the largest first.
    public let sizes: [Double]
    /// The share of the matrix's sum of squares that the factors keep.
    public let energy: Double

    /// How many ranks to keep: those that hold a share of the sum of squares, but no more than a number.
    public struct Choice: Hashable, Sendable {
        public var mostRanks: Int
        public var energy: Double?

        public init(mostRanks: Int, energy: Double? = nil) {
            self.mostRanks = mostRanks
            self.energy = energy
        }

        /// At least 1.
        func rank(_ sizes: [Double], total: Double) -> Int {
            let most = max(1, min(mostRanks, sizes.count))
            guard let energy, total > 0 else { return most }
            var sum = 0.0
            for (count, size) in sizes.prefix(most).enumerated() {
                sum += size * size
                if sum >= energy * total { return count + 1 }
            }
            return most
        }
    }

    private init(left: ColumnMatrix, sizes: [Double], right: ColumnMatrix, total: Double, _ choice: Choice) {
        rank = choice.rank(sizes, total: total)
        // Both factors get the same share, so that neither overflows half precision.
        let roots = sizes.prefix(rank).map { $0.squareRoot() }
        up = left.scaled(roots, first: rank).rowMajor
        down = right.scaled(roots, first: rank).columnMajor
        self.sizes = Array(sizes.prefix(rank))
        energy = total > 0 ? min(1, self.sizes.reduce(0) { $0 + $1 * $1 } / total) : 1
    }

    /// A product of narrow factors with fewer ranks: the best there is.
    ///
    /// - Parameters: `up` is rows × rank, `down` rank × columns.
    public init(up: FloatBuffer, down: FloatBuffer, rows: Int, columns: Int, rank: Int, _ choice: Choice) throws(IsomerError) {
        guard up.count >= rows * rank, down.count >= rank * columns, rank > 0, rows > 0, columns > 0 else {
            throw IsomerError(.usage, "factors do not have the sizes given", expected: "\(rows) × \(rank) × \(columns)")
        }
        var left = ColumnMatrix(rows: rows, columns: rank, rowMajor: up.values)
        // The transpose of `down`, whose rows are its columns.
        var right = ColumnMatrix(rows: columns, columns: rank)
        for i in 0..<rank * columns { right.values[i] = Double(down.values[i]) }
        let leftTriangle = left.orthonormalize()
        let rightTriangle = right.orthonormalize()
        let core = leftTriangle.times(rightTriangle.transposed).singularValues()
        let total = core.sizes.reduce(0) { $0 + $1 * $1 }
        let kept = choice.rank(core.sizes, total: total)
        let cut = Choice(mostRanks: kept)
        self.init(
            left: left.times(core.left.scaled(core.sizes.map { _ in 1 }, first: kept)), sizes: Array(core.sizes.prefix(kept)),
            right: right.times(core.right.scaled(core.sizes.map { _ in 1 }, first: kept)), total: total, cut)
    }

    /// A whole matrix, rows × columns, row after row, by random projections: within a rounding of the best for matrices whose sizes fall off, as
    /// those of trained differences do.
    ///
    /// Reference: N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness", 2011, algorithms 4.4 and 5.1.
    public init(_ matrix: FloatBuffer, rows: Int, columns: Int, seed: UInt64, _ choice: Choice) throws(IsomerError) {
        guard rows > 0, columns > 0, matrix.count >= rows * columns else {
            throw IsomerError(.usage, "the matrix has not the size given", expected: "\(rows) × \(columns)")
        }
        let width = min(min(rows, columns), choice.mostRanks > 4_096 ? 4_096 : choice.mostRanks + 8)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: WeightArithmetic.productScratchBytes, alignment: 64)
        defer { scratch.deallocate() }
        let turned = matrix.transposed(rows: rows, columns: columns)
        // `m · right` for right's columns as rows.
        func product(_ m: FloatBuffer, _ rows: Int, _ depth: Int, _ right: FloatBuffer) -> ColumnMatrix {
            let result = FloatBuffer(count: rows * width)
            if let left = m.values.baseAddress, let right = right.values.baseAddress, let target = result.values.baseAddress {
                WeightArithmetic.product(left, right, rows: rows, columns: width, depth: depth, into: target, scratch: scratch)
            }
            return ColumnMatrix(rows: rows, columns: width, rowMajor: result.values)
        }
        let random = FloatBuffer(count: width * columns)
        isomer_random_normal(KernelLevel.current.native, seed, 0, 1.0 / 65536, 0, random.values.baseAddress, width * columns)
        var range = product(matrix, rows, columns, random)
        _ = range.orthonormalize()
        for _ in 0..<2 {
            var other = product(turned, columns, rows, range.columnMajor)
            _ = other.orthonormalize()
            range = product(matrix, rows, columns, other.columnMajor)
            _ = range.orthonormalize()
        }
        var projected = product(turned, columns, rows, range.columnMajor)
        let triangle = projected.orthonormalize()
        let core = triangle.transposed.singularValues()
        let total = try WeightArithmetic.dot(matrix.values, matrix.values, count: rows * columns)
        let kept = choice.rank(core.sizes, total: total)
        self.init(
            left: range.times(core.left.scaled(core.sizes.map { _ in 1 }, first: kept)), sizes: Array(core.sizes.prefix(kept)),
            right: projected.times(core.right.scaled(core.sizes.map { _ in 1 }, first: kept)), total: total, Choice(mostRanks: kept))
    }
}
