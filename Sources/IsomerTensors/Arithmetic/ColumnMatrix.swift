internal import CKernels

/// A small matrix of 64-bit floats, column after column: what factorisations of weights are made of.
struct ColumnMatrix {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        values = [Double](repeating: 0, count: rows * columns)
    }

    /// From numbers that lie row after row.
    init(rows: Int, columns: Int, rowMajor: UnsafeMutableBufferPointer<Float>) {
        self.init(rows: rows, columns: columns)
        for row in 0..<rows { for column in 0..<columns { values[column * rows + row] = Double(rowMajor[row * columns + column]) } }
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[column * rows + row] }
        set { values[column * rows + row] = newValue }
    }

    /// The numbers row after row.
    var rowMajor: FloatBuffer {
        let result = FloatBuffer(count: rows * columns)
        for column in 0..<columns { for row in 0..<rows { result.values[row * columns + column] = Float(values[column * rows + row]) } }
        return result
    }

    /// The numbers column after column: the transpose's rows.
    var columnMajor: FloatBuffer {
        let result = FloatBuffer(count: rows * columns)
        for i in values.indices { result.values[i] = Float(values[i]) }
        return result
    }

    /// `self · other`
    func times(_ other: ColumnMatrix) -> ColumnMatrix {
        var result = ColumnMatrix(rows: rows, columns: other.columns)
        let level = KernelLevel.current.native
        values.withUnsafeBufferPointer { left in
            result.values.withUnsafeMutableBufferPointer { target in
                guard let left = left.baseAddress, let target = target.baseAddress else { return }
                for column in 0..<other.columns {
                    for k in 0..<min(columns, other.rows) {
                        // SAFETY: column `k` of the left factor and column `column` of the result have `rows` numbers each.
                        isomer_add_f64(level, other[k, column], left + k * rows, target + column * rows, rows)
                    }
                }
            }
        }
        return result
    }

    /// Makes the columns orthonormal, from the first to the last, and returns the upper triangle that gives them back. A column that follows
    /// from earlier ones becomes zero.
    ///
    /// Twice over each, which is as good as reflections.
    mutating func orthonormalize() -> ColumnMatrix {
        var triangle = ColumnMatrix(rows: columns, columns: columns)
        let level = KernelLevel.current.native
        let (rows, columns) = (rows, columns)
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            // SAFETY: `base + n * rows` is column `n`, of `rows` numbers; no call gets the same column to read and to write.
            for column in 0..<columns {
                let own = base + column * rows
                let before = isomer_dot_f64(level, own, own, rows).squareRoot()
                for _ in 0..<2 {
                    for earlier in 0..<column {
                        let part = isomer_dot_f64(level, base + earlier * rows, own, rows)
                        triangle[earlier, column] += part
                        isomer_add_f64(level, -part, base + earlier * rows, own, rows)
                    }
                }
                let length = isomer_dot_f64(level, own, own, rows).squareRoot()
                let isNew = length > before * 1e-12 && length > 0
                triangle[column, column] = isNew ? length : 0
                for row in 0..<rows { own[row] = isNew ? own[row] / length : 0 }
            }
        }
        return triangle
    }

    /// `self = left · diagonal(sizes) · rightᵀ`, the largest size first.
    ///
    /// By turning pairs of columns until all are at right angles. Reference: G. H. Golub, C. F. Van Loan, "Matrix Computations", 8.6.3
    /// (one-sided Jacobi).
    func singularValues() -> (left: ColumnMatrix, sizes: [Double], right: ColumnMatrix) {
        var turned = self
        var right = ColumnMatrix(rows: columns, columns: columns)
        for k in 0..<columns { right[k, k] = 1 }
        let level = KernelLevel.current.native
        let (rows, columns) = (rows, columns)
        turned.values.withUnsafeMutableBufferPointer { a in
            right.values.withUnsafeMutableBufferPointer { v in
                // SAFETY: columns of `a` have `rows` numbers, those of `v` `columns`; `p` and `q` are different ones.
                guard let a = a.baseAddress, let v = v.baseAddress else { return }
                for _ in 0..<60 {
                    var isDone = true
                    for p in 0..<max(0, columns - 1) {
                        for q in p + 1..<columns {
                            let pp = isomer_dot_f64(level, a + p * rows, a + p * rows, rows)
                            let qq = isomer_dot_f64(level, a + q * rows, a + q * rows, rows)
                            let pq = isomer_dot_f64(level, a + p * rows, a + q * rows, rows)
                            guard abs(pq) > 1e-14 * (pp * qq).squareRoot(), pq != 0 else { continue }
                            isDone = false
                            let ratio = (qq - pp) / (2 * pq)
                            let tangent = (ratio >= 0 ? 1.0 : -1.0) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
                            let cosine = 1 / (1 + tangent * tangent).squareRoot()
                            Self.turn(a + p * rows, a + q * rows, rows, cosine, cosine * tangent)
                            Self.turn(v + p * columns, v + q * columns, columns, cosine, cosine * tangent)
                        }
                    }
                    if isDone { break }
                }
            }
        }
        let lengths = (0..<columns).map { column in
            turned.values[column * rows..<(column + 1) * rows].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        let order = lengths.indices.sorted { lengths[$0] > lengths[$1] }
        var left = ColumnMatrix(rows: rows, columns: columns)
        var sorted = ColumnMatrix(rows: columns, columns: columns)
        for (place, from) in order.enumerated() {
            let length = lengths[from]
            for row in 0..<rows { left[row, place] = length > 0 ? turned[row, from] / length : 0 }
            for row in 0..<columns { sorted[row, place] = right[row, from] }
        }
        return (left, order.map { lengths[$0] }, sorted)
    }

    private static func turn(
        _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, _ count: Int, _ cosine: Double, _ sine: Double
    ) {
        for i in 0..<count {
            let (a, b) = (x[i], y[i])
            x[i] = cosine * a - sine * b
            y[i] = sine * a + cosine * b
        }
    }

    /// The first `count` columns, each times a factor.
    func scaled(_ factors: [Double], first count: Int) -> ColumnMatrix {
        var result = ColumnMatrix(rows: rows, columns: count)
        for column in 0..<count { for row in 0..<rows { result[row, column] = self[row, column] * factors[column] } }
        return result
    }

    /// Rows for columns.
    var transposed: ColumnMatrix {
        var result = ColumnMatrix(rows: columns, columns: rows)
        for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
        return result
    }
}
