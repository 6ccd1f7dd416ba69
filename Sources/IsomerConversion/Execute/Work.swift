import IsomerBytes
import IsomerFormats
import IsomerTensors

/// A run of bytes that the kernel copies from file to file.
struct KernelCopy: Sendable {
    var source: ReadableFile
    var sourceOffset: UInt64
    var target: WritableFile
    var targetOffset: UInt64
    var count: UInt64
}

/// One worker's next job.
enum WorkItem: Sendable {
    case copy(KernelCopy)
    case make(Portion)
}

/// Everything that is to be moved. What is copied is in an order that reads each source from its beginning to its end, and so is what is
/// made; the two are mixed, so that the device has something to write while the processors compute.
struct WorkList {
    private(set) var items: [WorkItem] = []

    /// Bytes that one worker copies before it looks for the next job.
    private static let copyBytes: UInt64 = 16 << 20

    /// - Parameter checksChecksums: whether bytes that an archive has a checksum of are read rather than copied behind its back.
    init(_ plan: ConversionPlan, sinks: [any TensorSink], chunkBytes: Int, checksChecksums: Bool) {
        var copies: [(key: Key, copy: KernelCopy)] = []
        var portions: [(key: Key, portion: Portion)] = []
        for (fileIndex, file) in plan.files.enumerated() {
            for (tensorIndex, tensor) in file.tensors.enumerated() where tensor.descriptor.byteCount > 0 {
                let destination =
                    tensor.isCast || sinks[fileIndex].seesEveryByte ? nil : sinks[fileIndex].destination(of: tensorIndex)
                for placed in plan.placedPieces(ofTensor: tensorIndex, inFile: fileIndex) {
                    let key = Key(placed.piece, in: plan.sources)
                    if let destination,
                        let stored = Self.stored(
                            placed.piece, in: plan.sources, checksChecksums: checksChecksums)
                    {
                        let copy = KernelCopy(
                            source: stored.file, sourceOffset: stored.offset, target: destination.file,
                            targetOffset: destination.offset + UInt64(placed.targetOffset), count: UInt64(stored.count))
                        copies.append((key, copy))
                    } else {
                        let place = sinks[fileIndex].destination(of: tensorIndex)?.offset
                        portions += plan.portions(of: placed, chunkBytes: chunkBytes, ofFileFrom: place).map { (key, $0) }
                    }
                }
            }
        }
        // Equal keys keep their order: the sort is stable.
        portions.sort { $0.key < $1.key }
        items = Self.dealt(Self.merged(copies).map(\.copy), portions.map(\.portion))
    }

    /// Both in their order, and at any place about the same share of either behind.
    private static func dealt(_ copies: [KernelCopy], _ portions: [Portion]) -> [WorkItem] {
        var items: [WorkItem] = []
        items.reserveCapacity(copies.count + portions.count)
        let copyTotal = Double(copies.reduce(0) { $0 &+ $1.count })
        let portionTotal = Double(portions.reduce(0) { $0 &+ UInt64($1.byteCount) })
        var copied = 0.0
        var made = 0.0
        var remaining = portions[...]
        for copy in copies {
            while made * copyTotal < copied * portionTotal, let portion = remaining.popFirst() {
                items.append(.make(portion))
                made += Double(portion.byteCount)
            }
            items.append(.copy(copy))
            copied += Double(copy.count)
        }
        return items + remaining.map { .make($0) }
    }

    /// Joins copies that follow each other on both sides, so that an unchanged file is one range, then cuts long ones for the workers.
    private static func merged(_ copies: [(key: Key, copy: KernelCopy)]) -> [(key: Key, copy: KernelCopy)] {
        var joined: [(key: Key, copy: KernelCopy)] = []
        for next in copies.sorted(by: { $0.key < $1.key }) {
            if let last = joined.last?.copy, last.source === next.copy.source, last.target === next.copy.target,
                last.sourceOffset + last.count == next.copy.sourceOffset, last.targetOffset + last.count == next.copy.targetOffset
            {
                joined[joined.count - 1].copy.count += next.copy.count
            } else {
                joined.append(next)
            }
        }
        var result: [(key: Key, copy: KernelCopy)] = []
        for (key, copy) in joined {
            var start: UInt64 = 0
            while start < copy.count {
                var part = copy
                part.sourceOffset += start
                part.targetOffset += start
                // All but the first begin where a block of the file does.
                part.count = min(copyBytes - part.targetOffset % UInt64(WritableFile.blockBytes), copy.count - start)
                result.append((Key(source: key.source, offset: key.offset &+ start), part))
                start += part.count
            }
        }
        return result
    }

    /// Where a piece's bytes lie in a file, if the kernel may copy them.
    private static func stored(
        _ piece: Piece, in sources: [ConversionPlan.Source], checksChecksums: Bool
    ) -> StoredRange? {
        guard case .tensor(let reference, let part) = piece,
            let stored = sources[reference.source].tensors.storedRange(of: reference.index)
        else { return nil }
        // A checksum is only compared by whoever sees the bytes, and torch itself never does.
        if checksChecksums, let archive = sources[reference.source].tensors as? TorchArchive,
            archive.expectedCRC32(of: reference.index) != nil
        {
            return nil
        }
        switch part {
        case .whole: return stored
        case .elements(let range):
            let type = sources[reference.source].tensors.tensors[reference.index].scalarType
            return StoredRange(
                file: stored.file, offset: stored.offset + UInt64(byteCount(ofElements: range.lowerBound, of: type)),
                count: byteCount(ofElements: range.count, of: type))
        case .transposed: return nil
        }
    }

    /// Where reading for an item starts.
    private struct Key: Comparable {
        var source: Int
        var offset: UInt64

        init(source: Int, offset: UInt64) {
            self.source = source
            self.offset = offset
        }

        init(_ piece: Piece, in sources: [ConversionPlan.Source]) {
            guard case .tensor(let reference, let part) = piece else {
                self.init(source: -1, offset: 0)
                return
            }
            let source = sources[reference.source].tensors
            // Sources that have no place for a tensor are read in their own order.
            let base = source.storedRange(of: reference.index)?.offset ?? UInt64(reference.index)
            guard case .elements(let range) = part else {
                self.init(source: reference.source, offset: base)
                return
            }
            let type = source.tensors[reference.index].scalarType
            self.init(source: reference.source, offset: base &+ UInt64(byteCount(ofElements: range.lowerBound, of: type)))
        }

        static func < (left: Key, right: Key) -> Bool { (left.source, left.offset) < (right.source, right.offset) }
    }
}
