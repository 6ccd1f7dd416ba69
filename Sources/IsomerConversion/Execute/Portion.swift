import IsomerBytes
import IsomerTensors

/// A run of one piece's elements that a worker makes at once in its buffers.
struct Portion: Sendable {
    /// The planned file, counted in the plan.
    var file: Int
    /// The planned tensor, counted in its file.
    var tensor: Int
    /// The piece, counted in its tensor.
    var piece: Int
    /// Elements of the piece, in the order in which the target has them.
    var elements: Range<Int>
    /// The first byte's place in the planned tensor.
    var targetOffset: Int
    /// Bytes in the target.
    var byteCount: Int
}

/// A piece of a planned tensor and where it stands there.
struct PlacedPiece: Sendable {
    var file: Int
    var tensor: Int
    var index: Int
    var piece: Piece
    /// How many elements it has.
    var elementCount: Int
    /// The first byte's place in the planned tensor.
    var targetOffset: Int
}

extension ConversionPlan {
    /// The pieces of one tensor in order. The plan has been checked, so that all of this fits.
    func placedPieces(ofTensor tensorIndex: Int, inFile fileIndex: Int) -> [PlacedPiece] {
        let tensor = files[fileIndex].tensors[tensorIndex]
        let type = tensor.descriptor.scalarType
        var offset = 0
        var result: [PlacedPiece] = []
        result.reserveCapacity(tensor.pieces.count)
        for (index, piece) in tensor.pieces.enumerated() {
            let count =
                switch piece {
                case .constant(let bytes): elementCount(inBytes: bytes.count, of: type)
                case .tensor(_, .elements(let range)): range.count
                case .tensor(let reference, _): sources[reference.source].tensors.tensors[reference.index].shape.elementCount
                }
            result.append(
                PlacedPiece(file: fileIndex, tensor: tensorIndex, index: index, piece: piece, elementCount: count, targetOffset: offset))
            offset += byteCount(ofElements: count, of: type)
        }
        return result
    }

    /// Cuts a piece into portions whose bytes fit in `chunkBytes` in either type.
    ///
    /// They start and end between bytes and blocks, because their lengths are multiples of 256 elements. A transpose is cut into runs of whole
    /// target rows, or, where not even one fits, into parts of single rows.
    ///
    /// Where the tensor's bytes begin at `fileOffset` of a file and its elements are whole bytes, all portions but the first begin where a block
    /// of the file does, so that they can be written past the system's cache as they are.
    func portions(of placed: PlacedPiece, chunkBytes: Int, ofFileFrom fileOffset: UInt64? = nil) -> [Portion] {
        let tensor = files[placed.file].tensors[placed.tensor]
        let type = tensor.descriptor.scalarType
        // Transposed blocks go through their values.
        let isWidened = tensor.sourceType.kind == .block || tensor.multiplier != nil
        let bits = max(isWidened ? 32 : 0, tensor.sourceType.bitCount, type.bitCount)
        let most = max(256, chunkBytes * 8 / bits / 256 * 256)
        var result: [Portion] = []
        func add(_ elements: Range<Int>) {
            guard !elements.isEmpty else { return }
            result.append(
                Portion(
                    file: placed.file, tensor: placed.tensor, piece: placed.index, elements: elements,
                    targetOffset: placed.targetOffset + byteCount(ofElements: elements.lowerBound, of: type),
                    byteCount: byteCount(ofElements: elements.count, of: type)))
        }
        func add(_ elements: Range<Int>, inStepsOf step: Int) {
            for start in stride(from: elements.lowerBound, to: elements.upperBound, by: step) {
                add(start..<min(elements.upperBound, start + step))
            }
        }
        if case .tensor(_, .transposed(let rows, let columns)) = placed.piece, placed.elementCount > 0 {
            if rows <= most {
                add(0..<placed.elementCount, inStepsOf: most / rows * rows)
            } else {
                for row in 0..<columns { add(row * rows..<(row + 1) * rows, inStepsOf: most) }
            }
        } else {
            var first = 0
            let size = type.bitCount / 8
            if let fileOffset, !isWidened, type.isByteAligned, type.kind != .block, most * size % WritableFile.blockBytes == 0 {
                let excess = Int((fileOffset + UInt64(placed.targetOffset)) % UInt64(WritableFile.blockBytes))
                if excess > 0, excess % size == 0, most * size > excess { first = min(placed.elementCount, most - excess / size) }
            }
            add(0..<first)
            add(first..<placed.elementCount, inStepsOf: most)
        }
        return result
    }
}

/// Bytes of so many elements that lie between bytes and blocks.
func byteCount(ofElements count: Int, of type: ScalarType) -> Int {
    let group = type.group
    return count / group.elementCount * group.byteCount
}

/// Elements in so many bytes.
func elementCount(inBytes count: Int, of type: ScalarType) -> Int {
    let group = type.group
    return count / group.byteCount * group.elementCount
}
