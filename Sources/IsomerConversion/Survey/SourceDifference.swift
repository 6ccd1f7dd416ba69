public import IsomerBytes
public import IsomerTensors
import Synchronization

/// How two sources of tensors differ, name by name.
public struct SourceDifference: Hashable, Sendable {
    /// A tensor that both have and that is not the same in both.
    public struct Changed: Hashable, Sendable {
        public var name: String
        public var first: TensorDescriptor
        public var second: TensorDescriptor
        /// How far the values lie apart, in the parts whose bytes differ; `nil` if they were not compared, because shapes differ or the types
        /// have no values.
        public var values: TensorDifference?

        /// Whether only the type differs.
        public var isEqualInValue: Bool { values?.isEqual == true }
    }

    /// Tensors that only the first has.
    public var onlyInFirst: [TensorDescriptor] = []
    /// Tensors that only the second has.
    public var onlyInSecond: [TensorDescriptor] = []
    /// Tensors that differ in shape, type or bytes, in the first source's order.
    public var changed: [Changed] = []
    /// Tensors that are the same to the last bit.
    public var sameCount = 0

    /// Whether both hold the same tensors to the last bit.
    public var isSame: Bool { onlyInFirst.isEmpty && onlyInSecond.isEmpty && changed.isEmpty }

    /// Whether both hold the same values, in whatever types.
    public var isEqualInValue: Bool { onlyInFirst.isEmpty && onlyInSecond.isEmpty && changed.allSatisfy(\.isEqualInValue) }

    /// Compares everything, bytes first; numbers are looked at only where bytes differ.
    public init(
        _ first: any TensorSource, _ second: any TensorSource, workers: Workers = Workers(),
        progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) throws(IsomerError) {
        let positions = TensorPositions(second.tensors)
        var onlySecond = Set(second.tensors.indices)
        var pairs: [(Int, Int)] = []
        for (index, tensor) in first.tensors.enumerated() {
            guard let other = positions[tensor.name], onlySecond.remove(other) != nil else {
                onlyInFirst.append(tensor)
                continue
            }
            guard tensor.shape == second.tensors[other].shape else {
                changed.append(Changed(name: tensor.name, first: tensor, second: second.tensors[other]))
                continue
            }
            pairs.append((index, other))
        }
        onlyInSecond = onlySecond.sorted().map { second.tensors[$0] }

        let (different, values) = try Self.compare(pairs, first, second, workers, progress)
        for (position, (left, right)) in pairs.enumerated() {
            let (a, b) = (first.tensors[left], second.tensors[right])
            if a.scalarType == b.scalarType, !different.contains(position) {
                sameCount += 1
            } else {
                let nothing = a.shape.elementCount == 0 ? try? TensorDifference(from: a.scalarType, to: b.scalarType) : nil
                changed.append(Changed(name: a.name, first: a, second: b, values: values[position] ?? nothing))
            }
        }
        let order = TensorPositions(first.tensors)
        changed.sort { (order[$0.name] ?? 0) < (order[$1.name] ?? 0) }
    }

    /// Which of `pairs`, the positions of tensors of one shape, differ in type or bytes, and how far the values of those lie apart.
    private static func compare(
        _ pairs: [(Int, Int)], _ first: any TensorSource, _ second: any TensorSource, _ workers: Workers,
        _ progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    ) throws(IsomerError) -> (different: Set<Int>, values: [Int: TensorDifference]) {
        let ranges = TensorRanges(pairs.map { first.tensors[$0.0].shape.elementCount }).items
        let total = pairs.reduce(UInt64(0)) { $0 &+ UInt64(first.tensors[$1.0].byteCount) }
        let buffers = (0..<workers.count).map { _ in
            [WorkerBuffer(byteCount: TensorRanges.elementsAtOnce * 16), WorkerBuffer(byteCount: TensorRanges.elementsAtOnce * 16)]
        }
        let differences = Mutex<[Int: TensorDifference]>([:])
        let unequal = Mutex<Set<Int>>([])
        let done = Counter()
        try workers.run(ranges.count) { (item, worker) throws(IsomerError) in
            let range = ranges[item]
            let (left, right) = pairs[range.tensor]
            let (a, b) = (first.tensors[left], second.tensors[right])
            let leftBytes = try buffers[worker][0].read(range.elements, of: left, in: first)
            let rightBytes = try buffers[worker][1].read(range.elements, of: right, in: second)
            let isSame = a.scalarType == b.scalarType && firstDifference(leftBytes, rightBytes) == nil
            if !isSame {
                _ = unequal.withLock { $0.insert(range.tensor) }
                if var part = try? TensorDifference(from: a.scalarType, to: b.scalarType) {
                    try part.update(leftBytes, rightBytes)
                    let found = part
                    differences.withLock { all in
                        if all[range.tensor]?.merge(found) == nil { all[range.tensor] = found }
                    }
                }
            }
            progress(done.add(UInt64(leftBytes.count)), total)
        }
        return (unequal.withLock { $0 }, differences.withLock { $0 })
    }
}
