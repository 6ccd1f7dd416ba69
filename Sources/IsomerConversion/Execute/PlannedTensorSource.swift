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
        guard !tensor.isCast, tensor.pieces.count == 1, case .tensor(let reference, let part) = tensor.pieces[0],
            let whole = plan.sources[reference.source].tensors.storedRange(of: reference.index)
        else { return nil }
        switch part {
        case .whole: return whole
        case .elements(let range):
            // One of several tensors that are stored as one.
            let type = tensor.descriptor.scalarType
            guard type.isByteAligned, type.kind != .block else { return nil }
            let size = type.bitCount / 8
            guard range.upperBound <= whole.count / size else { return nil }
            return StoredRange(file: whole.file, offset: whole.offset + UInt64(range.lowerBound * size), count: range.count * size)
        case .transposed: return nil
        }
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        let tensor = tensors[index]
        try tensor.checkRange(offset, buffer.count)
        let maker = makers.withLock { $0.popLast() } ?? PortionMaker(plan, chunkBytes: Self.chunkBytes)
        defer { makers.withLock { $0.append(maker) } }
        let planned = plan.files[file].tensors[index]
        let (type, group) = (tensor.scalarType, tensor.scalarType.group)
        // Where blocks are read or made, portions start at whole ones.
        let step = max(
            type.kind == .block || planned.sourceType.kind == .block ? 256 : 1, group.elementCount, planned.sourceType.group.elementCount)
        let wanted = offset..<offset + buffer.count
        var start = 0
        for (number, piece) in planned.pieces.enumerated() {
            let count = elementCount(piece, type)
            // Elements of this piece, widened to whole groups, that the buffer wants.
            let first = max(0, wanted.lowerBound / group.byteCount * group.elementCount - start) / step * step
            let last = min(count, (wanted.upperBound + group.byteCount - 1) / group.byteCount * group.elementCount - start)
            var position = first
            while position < last {
                let limit = max(256, Self.chunkBytes / max(type.bitCount, planned.sourceType.bitCount, 32) * 4)
                // The end may lie inside a group of the sources' type.
                let reach = min(count, (last + step - 1) / step * step)
                let end = Self.end(of: piece, from: position, reach: reach, limit: limit)
                let portion = Portion(
                    file: file, tensor: index, piece: number, elements: position..<end,
                    targetOffset: byteCount(ofElements: start + position, of: type),
                    byteCount: byteCount(ofElements: end - position, of: type))
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

    private func elementCount(_ piece: Piece, _ type: ScalarType) -> Int {
        switch piece {
        case .constant(let bytes): IsomerConversion.elementCount(inBytes: bytes.count, of: type)
        case .tensor(_, .elements(let range)): range.count
        case .tensor(let reference, _): plan.sources[reference.source].tensors.tensors[reference.index].shape.elementCount
        }
    }

    /// Where a portion that starts at `position` ends: a transpose is made in whole rows of the target, or parts of one.
    private static func end(of piece: Piece, from position: Int, reach: Int, limit: Int) -> Int {
        let end = min(reach, position + limit / 256 * 256)
        guard case .tensor(_, .transposed(let rows, _)) = piece, rows > 0 else { return end }
        if position % rows != 0 { return min(end, (position / rows + 1) * rows) }
        return end - position >= rows ? end / rows * rows : end
    }
}
