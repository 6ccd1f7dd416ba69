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

    /// Sizes around those of the vectors: less than one, whole ones, and some left over on either side.
    @Test(
        arguments: KernelLevel.available,
        [(1, 1, 1), (3, 31, 2), (4, 32, 5), (5, 33, 7), (8, 64, 16), (9, 100, 33), (2, 320, 128), (13, 65, 4)])
    func addedProductsAreRoundedOnce(_ level: KernelLevel, _ size: (rows: Int, columns: Int, depth: Int)) {
        let (rows, columns, depth) = size
        let (left, right) = (numbers(rows * depth, 1), numbers(depth * columns, 2))
        let before = numbers(rows * columns, 3)
        let factor = 0.8 * 3 / 7
        var sum = before
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                sum.withUnsafeMutableBufferPointer { sum in
                    guard let a = left.baseAddress, let b = right.baseAddress, let c = sum.baseAddress else { return }
                    WeightArithmetic.addProduct(a, b, rows: rows, columns: columns, depth: depth, factor: factor, to: c, level: level)
                }
            }
        }
        for row in 0..<rows {
            for column in 0..<columns {
                var product = 0.0
                for r in 0..<depth { product += Double(left[row * depth + r]) * Double(right[r * columns + column]) }
                #expect(sum[row * columns + column] == Float(Double(before[row * columns + column]) + factor * product))
            }
        }
    }
}
