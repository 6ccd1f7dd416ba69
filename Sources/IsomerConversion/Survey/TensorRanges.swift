import IsomerBytes
import IsomerTensors

/// Which parts of a list of tensors to look at together: large tensors are cut, so that workers share them.
struct TensorRanges {
    /// A run of one tensor's elements.
    struct Item: Sendable {
        /// The tensor, counted in the list.
        var tensor: Int
        var elements: Range<Int>
    }

    private(set) var items: [Item] = []

    /// Elements in one item: a multiple of what statistics want to start at.
    static let elementsAtOnce = 256 * TensorStatistics.blockElementCount

    init(_ elementCounts: [Int]) {
        for (tensor, count) in elementCounts.enumerated() {
            for start in stride(from: 0, to: count, by: Self.elementsAtOnce) {
                items.append(Item(tensor: tensor, elements: start..<min(count, start + Self.elementsAtOnce)))
            }
        }
    }
}

/// A buffer that one worker owns.
final class WorkerBuffer: @unchecked Sendable {
    // SAFETY (@unchecked): `Workers` gives each worker's number to one thread at a time, and a buffer belongs to one worker.
    private let memory: UnsafeMutableRawBufferPointer

    init(byteCount: Int) { memory = .allocate(byteCount: max(1, byteCount), alignment: 4096) }

    deinit { memory.deallocate() }

    /// Its first bytes, filled with a run of a tensor's elements.
    func read(_ elements: Range<Int>, of index: Int, in source: any TensorSource) throws(IsomerError) -> UnsafeRawBufferPointer {
        let type = source.tensors[index].scalarType
        let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount(ofElements: elements.count, of: type)])
        try source.read(index, at: byteCount(ofElements: elements.lowerBound, of: type), into: part)
        return UnsafeRawBufferPointer(part)
    }
}
