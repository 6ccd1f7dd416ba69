public import IsomerBytes
public import IsomerTensors
import Synchronization

/// A planned file as if it had been written already: its tensors, made of their pieces as they are read.
///
/// That is how two models in different layouts are compared, and how a converted one runs, without writing anything.
public final class PlannedTensorSource: TensorSource {
    public let tensors: [TensorDescriptor]
    public let metadata: FileMetadata
    public let files: [ReadableFile]
    private let plan: ConversionPlan
    private let file: Int
    private let makers = Mutex<[PortionMaker]>([])

    private static let chunkBytes = 1 << 18

    /// File number `file` of a plan that has been checked.
    public init(_ plan: ConversionPlan, file: Int = 0) throws(IsomerError) {
        guard plan.files.indices.contains(file) else { throw IsomerError(.usage, "the plan has no such file", found: "\(file)") }
        self.plan = plan
        self.file = file
        tensors = plan.files[file].tensors.map(\.descriptor)
        metadata = plan.files[file].metadata
        files = plan.sources.flatMap(\.files)
    }

    public func storedRange(of index: Int) -> StoredRange? {
        let tensor = plan.files[file].tensors[index]
        guard !tensor.isCast, tensor.pieces.count == 1, case .tensor(let reference, .whole) = tensor.pieces[0] else { return nil }
        return plan.sources[reference.source].tensors.storedRange(of: reference.index)
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        let tensor = tensors[index]
        guard offset >= 0, buffer.count <= tensor.byteCount - offset else {
            throw IsomerError(
                .usage, "the range lies outside the tensor", item: tensor.name, expected: "at most \(tensor.byteCount) bytes",
                found: "\(offset) + \(buffer.count)")
        }
        let maker = makers.withLock { $0.popLast() } ?? PortionMaker(plan, chunkBytes: Self.chunkBytes)
        defer { makers.withLock { $0.append(maker) } }
        let bits = max(tensor.scalarType.bitCount, 1)
        var start = 0
        for (number, piece) in plan.files[file].tensors[index].pieces.enumerated() {
            let count = try elementCount(piece, bits: bits)
            // Elements of this piece, widened to whole bytes, that the buffer wants.
            let first = max(0, offset * 8 / bits - start)
            let last = min(count, ((offset + buffer.count) * 8 + bits - 1) / bits - start)
            var position = first
            while position < last {
                let end = min(last, Self.end(of: piece, from: position, count: count, limit: max(8, Self.chunkBytes * 4 / max(bits, 32))))
                let portion = Portion(
                    file: file, tensor: index, piece: number, elements: position..<end, targetOffset: (start + position) * bits / 8,
                    byteCount: ((end - position) * bits + 7) / 8)
                let made = try maker.make(portion)
                let from = max(offset, portion.targetOffset)
                let to = min(offset + buffer.count, portion.targetOffset + portion.byteCount)
                if from < to {
                    UnsafeMutableRawBufferPointer(rebasing: buffer[(from - offset)..<(to - offset)])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: made[(from - portion.targetOffset)..<(to - portion.targetOffset)]))
                }
                position = end
            }
            start += count
        }
    }

    private func elementCount(_ piece: Piece, bits: Int) throws(IsomerError) -> Int {
        switch piece {
        case .constant(let bytes): bytes.count * 8 / bits
        case .tensor(_, .elements(let range)): range.count
        case .tensor(let reference, _): plan.sources[reference.source].tensors.tensors[reference.index].shape.elementCount
        }
    }

    /// Where a portion that starts at `position` ends: a transpose is made in whole rows of the target, or parts of one.
    private static func end(of piece: Piece, from position: Int, count: Int, limit: Int) -> Int {
        let end = min(count, position + limit / 8 * 8)
        guard case .tensor(_, .transposed(let rows, _)) = piece, rows > 0 else { return end }
        if position % rows != 0 { return min(end, (position / rows + 1) * rows) }
        return end - position >= rows ? end / rows * rows : end
    }
}
