import IsomerBytes
import Testing

@testable import IsomerTensors

/// Products that are added to weights, held to plain loops in 64-bit floats, to the last bit.
@Suite struct WeightArithmeticTests {
    private func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 20)
        }
    }

    private func buffer(_ numbers: [Float]) -> FloatBuffer {
        let buffer = FloatBuffer(count: numbers.count)
        for (place, number) in numbers.enumerated() { buffer.values[place] = number }
        return buffer
    }

    /// Sizes around those of the vectors: less than one, whole ones, and some left over on either side.
    @Test(
        arguments: KernelLevel.available,
        [(1, 1, 1), (3, 31, 2), (4, 32, 5), (5, 33, 7), (8, 64, 16), (9, 100, 33), (2, 320, 128), (13, 65, 4), (6, 32, 1), (12, 96, 300)])
    func addedProductsAreRoundedOnce(_ level: KernelLevel, _ size: (rows: Int, columns: Int, depth: Int)) throws {
        let (rows, columns, depth) = size
        let (left, right) = (numbers(rows * depth, 1), numbers(depth * columns, 2))
        let factor = 0.8 * 3 / 7
        let product = try LowRankProduct(
            up: buffer(left), down: buffer(right), rows: rows, columns: columns, rank: depth)
        // All rows, and some of them alone.
        for part in [0..<rows, rows / 3..<rows, 0..<(rows + 1) / 2] {
            let before = numbers(part.count * columns, 3)
            let sum = buffer(before)
            try product.add(part, times: factor, to: sum.values, level: level)
            for (place, row) in part.enumerated() {
                for column in 0..<columns {
                    var change = 0.0
                    for r in 0..<depth { change += Double(left[row * depth + r]) * Double(right[r * columns + column]) }
                    let wanted = Float(Double(before[place * columns + column]) + factor * change)
                    #expect(sum.values[place * columns + column] == wanted, "row \(row), column \(column)")
                }
            }
        }
    }

    /// Sizes that do not fit the buffers are said, not read past.
    @Test func productsKnowTheirSizes() throws {
        let factor = buffer(numbers(12, 1))
        #expect(throws: IsomerError.self) { try LowRankProduct(up: factor, down: factor, rows: 4, columns: 5, rank: 3) }
        let product = try LowRankProduct(up: factor, down: factor, rows: 4, columns: 4, rank: 3)
        #expect(throws: IsomerError.self) { try product.add(2..<5, times: 1, to: buffer(numbers(16, 2)).values) }
        #expect(throws: IsomerError.self) { try product.add(0..<4, times: 1, to: buffer(numbers(15, 2)).values) }
    }
}
