import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// A change that an adapter's module makes to one canonical tensor.
struct AdapterUpdate: Sendable {
    /// The adapter's tensors.
    var source: any TensorSource
    /// Which of them is what.
    var tensors: [AdapterRole: Int]
    var kind: AdapterKind
    /// The tensor of a whole difference.
    var stored: Int?
    /// The factor on the product: alpha over rank.
    var factor: Double
    /// How much of the change is wanted.
    var strength: Double
    /// The first row of this tensor among the module's rows.
    var firstRow: Int
    /// Whether the module's halves have changed places.
    var swapsHalves: Bool
    /// The rows of the canonical tensor.
    var rows: Int
    /// Elements of a row.
    var columns: Int
    /// Inputs of the module, kernels aside.
    var inputs: Int
    /// Whether DoRA's lengths are one for each row.
    var measuresRows = true
    /// What part of a DoRA the strength is a factor on.
    var lengthStrength = ModelMerge.LengthStrength.diffusers

    /// The module's row that row `row` of the tensor is.
    func moduleRow(_ row: Int) -> Int {
        guard swapsHalves else { return firstRow + row }
        let half = rows / 2
        return row < half ? row + half : row - half
    }

    /// `kind`'s numbers in the form in which they are added.
    enum Weights: Sendable {
        /// The tensor's own rows in order.
        case product(LowRankProduct)
        /// Two products, multiplied with each other element by element. `right1` and `right2` have a row of the rank's numbers for each column.
        case hadamard(up1: FloatBuffer, right1: FloatBuffer, rank1: Int, up2: FloatBuffer, right2: FloatBuffer, rank2: Int)
        /// Every element of the first times all of the second.
        case kronecker(first: FloatBuffer, columns1: Int, second: FloatBuffer, rows2: Int, columns2: Int)
        /// The difference itself, which stays in its file.
        case stored

        var byteCount: Int {
            switch self {
            case .product(let product): product.byteCount
            case .hadamard(let up1, let right1, _, let up2, let right2, _): 4 * (up1.count + right1.count + up2.count + right2.count)
            case .kronecker(let first, _, let second, _, _): 4 * (first.count + second.count)
            case .stored: 0
            }
        }
    }
}

extension AdapterUpdate {
    /// Reads the factors.
    func load() throws(IsomerError) -> Weights {
        switch kind {
        case .lora:
            let down = try matrix(.down)
            return .product(try product(down.numbers, rank: down.rows))
        case .tucker:
            // The kernel and the first factor make one wide factor: [rank, inputs · kernel].
            let kernel = try matrix(.middle)
            let down = try matrix(.down)
            let taps = kernel.columns / max(1, down.rows)
            let wide = widened(kernel.numbers, outer: kernel.rows, inner: down.rows, taps: taps, down.numbers, width: down.columns)
            return .product(try product(wide, rank: kernel.rows))
        case .loha:
            let (up1, right1, rank1) = try hadamardProduct(.hadamard1A, .hadamard1B, .hadamard1Kernel)
            let (up2, right2, rank2) = try hadamardProduct(.hadamard2A, .hadamard2B, .hadamard2Kernel)
            return .hadamard(up1: up1, right1: right1, rank1: rank1, up2: up2, right2: right2, rank2: rank2)
        case .lokr:
            let first = try kroneckerFactor(.kronecker1, .kronecker1A, .kronecker1B, nil)
            let second = try kroneckerFactor(.kronecker2, .kronecker2A, .kronecker2B, .kronecker2Kernel)
            return .kronecker(
                first: first.numbers, columns1: first.columns, second: second.numbers, rows2: second.rows, columns2: second.columns)
        case .full, .norm, .replacement: return .stored
        case .ia3, .oft, .glora:
            throw IsomerError(.unsupported, "\(kind.rawValue) adapters are recognised but not merged")
        }
    }

    private func product(_ down: FloatBuffer, rank: Int) throws(IsomerError) -> LowRankProduct {
        try LowRankProduct(up: try rows(of: .up), down: down, rows: rows, columns: columns, rank: rank)
    }

    private typealias Matrix = (numbers: FloatBuffer, rows: Int, columns: Int)

    private func matrix(_ role: AdapterRole) throws(IsomerError) -> Matrix {
        guard let index = tensors[role] else { throw IsomerError(.malformed, "the module has no \(role.rawValue)") }
        let shape = source.tensors[index].shape
        let rows = max(1, shape.dimensions.first ?? 1)
        let values = FloatBuffer(count: shape.elementCount)
        try numbers(of: index, 0..<shape.elementCount, into: values.values)
        return (values, rows, shape.elementCount / rows)
    }

    /// Elements of one of the adapter's tensors. Throws `malformed` if one is NaN or infinite: a factor's would spoil a whole row or column.
    func numbers(
        of index: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        try source.floats(of: index, elements, into: target)
        var largest: UInt32 = 0
        for place in 0..<elements.count { largest = max(largest, target[place].bitPattern & 0x7FFF_FFFF) }
        guard largest < Float.infinity.bitPattern else {
            throw IsomerError(
                .malformed, "the adapter holds NaN or infinite numbers", path: source.storedRange(of: index)?.file.path,
                item: source.tensors[index].name, remedy: "get the adapter again, or one from earlier in its training")
        }
    }

    /// The rows of a factor that belong to this tensor, in its order.
    private func rows(of role: AdapterRole) throws(IsomerError) -> FloatBuffer {
        guard let index = tensors[role] else { throw IsomerError(.malformed, "the module has no \(role.rawValue)") }
        let shape = source.tensors[index].shape
        let width = shape.elementCount / max(1, shape.dimensions.first ?? 1)
        let result = FloatBuffer(count: rows * width)
        guard swapsHalves else {
            try numbers(of: index, firstRow * width..<(firstRow + rows) * width, into: result.values)
            return result
        }
        let half = rows / 2
        let upper = UnsafeMutableBufferPointer(rebasing: result.values[(half * width)...])
        try numbers(of: index, half * width..<rows * width, into: result.values)
        try numbers(of: index, 0..<half * width, into: upper)
        return result
    }

    /// `result[o][i · taps + t] = Σ_q kernel[o][q][t] · factor[q][i]`
    private func widened(
        _ kernel: FloatBuffer, outer: Int, inner: Int, taps: Int, _ factor: FloatBuffer, width: Int
    ) -> FloatBuffer {
        let result = FloatBuffer(count: outer * width * taps)
        for i in result.values.indices { result.values[i] = 0 }
        for o in 0..<outer {
            for q in 0..<inner {
                for t in 0..<taps {
                    let weight = kernel.values[(o * inner + q) * taps + t]
                    for i in 0..<width { result.values[(o * width + i) * taps + t] += weight * factor.values[q * width + i] }
                }
            }
        }
        return result
    }

    private func hadamardProduct(
        _ a: AdapterRole, _ b: AdapterRole, _ kernel: AdapterRole
    ) throws(IsomerError) -> (FloatBuffer, FloatBuffer, Int) {
        guard tensors[kernel] != nil else {
            let right = try matrix(b)
            return (try rows(of: a), right.numbers.transposed(rows: right.rows, columns: right.columns), right.rows)
        }
        // With a kernel both factors have the rank in front: Σ_ij kernel[i][j][taps] · a[i][output] · b[j][input].
        let cube = try matrix(kernel)
        let left = try matrix(a)
        let right = try matrix(b)
        let taps = cube.columns / max(1, right.rows)
        let wide = widened(cube.numbers, outer: cube.rows, inner: right.rows, taps: taps, right.numbers, width: right.columns)
        let turned = left.numbers.transposed(rows: left.rows, columns: left.columns)
        let up = FloatBuffer(count: rows * left.rows)
        for row in 0..<rows {
            let from = moduleRow(row)
            for r in 0..<left.rows { up.values[row * left.rows + r] = turned.values[from * left.rows + r] }
        }
        return (up, wide.transposed(rows: cube.rows, columns: right.columns * taps), cube.rows)
    }

    private func kroneckerFactor(
        _ whole: AdapterRole, _ a: AdapterRole, _ b: AdapterRole, _ kernel: AdapterRole?
    ) throws(IsomerError) -> Matrix {
        if tensors[whole] != nil { return try matrix(whole) }
        var left = try matrix(a)
        var right = try matrix(b)
        if let kernel, tensors[kernel] != nil {
            let cube = try matrix(kernel)
            let taps = cube.columns / max(1, right.rows)
            let wide = widened(cube.numbers, outer: cube.rows, inner: right.rows, taps: taps, right.numbers, width: right.columns)
            left = (left.numbers.transposed(rows: left.rows, columns: left.columns), left.columns, left.rows)
            right = (wide, cube.rows, right.columns * taps)
        }
        let result = FloatBuffer(count: left.rows * right.columns)
        for row in 0..<left.rows {
            for column in 0..<right.columns {
                var sum: Float = 0
                for r in 0..<left.columns {
                    sum += left.numbers.values[row * left.columns + r] * right.numbers.values[r * right.columns + column]
                }
                result.values[row * right.columns + column] = sum
            }
        }
        return (result, left.rows, right.columns)
    }
}
