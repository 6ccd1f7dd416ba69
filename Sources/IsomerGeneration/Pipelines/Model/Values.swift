import IsomerBytes
import IsomerCompute

/// Numbers between two passes: what one network made and another reads. In a rehearsal only the shape is true.
public struct Values: Hashable, Sendable {
    /// The extents, outermost first.
    public let shape: [Int]
    /// Row-major; none in a rehearsal.
    public var numbers: [Float]

    /// Numbers of a shape that they fill, or none.
    init(_ shape: [Int], _ numbers: [Float] = []) {
        self.shape = shape
        self.numbers = numbers
    }

    /// A copy of a pass's tensor.
    init(_ tensor: Tensor) { self.init(tensor.shape, tensor.values) }

    /// Zeros.
    static func zeros(_ shape: [Int]) -> Values { Values(shape, [Float](repeating: 0, count: shape.reduce(1, *))) }

    /// The numbers in a pass's memory.
    func tensor(_ c: Computation) throws(IsomerError) -> Tensor {
        c.isPlanning ? try c.zeros(shape) : try c.tensor(shape, numbers)
    }

    /// Whether none is infinite, and none is no number.
    var isFinite: Bool { numbers.allSatisfy(\.isFinite) }

    /// Whether there are numbers.
    var isReal: Bool { numbers.count == shape.reduce(1, *) }

    /// Equal shapes as one, one after another along a new first axis.
    static func stacked(_ parts: [Values]) -> Values {
        Values([parts.count] + (parts.first?.shape ?? []), parts.flatMap(\.numbers))
    }

    /// Parts along the first axis.
    func unstacked() -> [Values] {
        guard let count = shape.first, count > 0 else { return [] }
        let inner = Array(shape.dropFirst())
        let size = inner.reduce(1, *)
        return (0..<count).map { index in
            Values(inner, isReal ? Array(numbers[index * size..<(index + 1) * size]) : [])
        }
    }

    /// The same numbers in other extents.
    func reshaped(_ shape: [Int]) -> Values { Values(shape, numbers) }

    /// One after another along the first axis.
    static func joined(_ parts: [Values]) -> Values {
        let rows = parts.reduce(0) { $0 + ($1.shape.first ?? 0) }
        return Values([rows] + (parts.first?.shape.dropFirst() ?? []), parts.flatMap(\.numbers))
    }

    /// Side by side along the last axis.
    static func beside(_ parts: [Values]) -> Values {
        guard let first = parts.first else { return Values([0]) }
        let widths = parts.map { $0.shape.last ?? 1 }
        let shape = Array(first.shape.dropLast()) + [widths.reduce(0, +)]
        guard parts.allSatisfy(\.isReal) else { return Values(shape) }
        var numbers: [Float] = []
        numbers.reserveCapacity(shape.reduce(1, *))
        for row in 0..<first.shape.dropLast().reduce(1, *) {
            for (part, width) in zip(parts, widths) { numbers += part.numbers[row * width..<(row + 1) * width] }
        }
        return Values(shape, numbers)
    }

    /// Zeros behind every row, up to `width`.
    func widened(to width: Int) -> Values {
        guard let last = shape.last, last < width else { return self }
        return .beside([self, .zeros(Array(shape.dropLast()) + [width - last])])
    }
}

extension Values {
    /// As `body` makes each number.
    func mapped(_ body: (Float) -> Float) -> Values { Values(shape, numbers.map(body)) }
}
