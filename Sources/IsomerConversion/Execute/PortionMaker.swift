import IsomerBytes
import IsomerTensors

/// Makes the bytes of portions: reads, turns and casts them. One for each worker, because it owns the buffers.
///
/// Buffers that are never used cost address space only.
final class PortionMaker: @unchecked Sendable {
    // SAFETY (@unchecked): `Workers` gives each worker's number to one thread at a time, and a maker belongs to one worker.

    private let plan: ConversionPlan
    /// What all others are parts of.
    private let memory: UnsafeMutableRawBufferPointer
    /// Bytes as the source has them.
    private let block: UnsafeMutableRawBufferPointer
    /// A transpose in the source's type, when it is yet to be cast.
    private let turned: UnsafeMutableRawBufferPointer
    /// Bytes as the target has them.
    private let made: UnsafeMutableRawBufferPointer

    /// Buffers of the chunk's size that one maker has.
    static let buffers = 4

    /// For whoever compares the made bytes with others.
    let comparison: UnsafeMutableRawBufferPointer

    /// For whoever needs a buffer between two calls of `make`: 2 MiB, if chunks are not smaller than usual.
    var buffer: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: memory[..<(memory.count / 2)]) }

    /// What each tensor's elements lost so far.
    private(set) var losses: [TensorPlace: CastReport] = [:]
    /// What lies between each tensor's elements and the blocks made of them so far.
    private(set) var quantizationErrors: [TensorPlace: QuantizationError] = [:]

    init(_ plan: ConversionPlan, chunkBytes: Int) {
        self.plan = plan
        // The smallest portion is 256 elements of 16 bytes.
        let alignment = WritableFile.blockBytes
        let size = (max(chunkBytes, 4096) + alignment - 1) / alignment * alignment
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.buffers * size + alignment, alignment: alignment)
        self.memory = memory
        func part(_ place: Int, extra: Int = 0) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: memory[place * size..<(place + 1) * size + extra])
        }
        block = part(0)
        turned = part(1)
        comparison = part(2)
        made = part(3, extra: alignment)
    }

    deinit { memory.deallocate() }

    /// The portion's bytes, valid until the next call. They lie in memory as they will lie in the blocks of a file at `offset`, so that they
    /// can go there past the system's cache.
    func make(_ portion: Portion, for offset: UInt64 = 0) throws(IsomerError) -> UnsafeRawBufferPointer {
        let tensor = plan.files[portion.file].tensors[portion.tensor]
        let start = Int(offset % UInt64(WritableFile.blockBytes))
        let target = UnsafeMutableRawBufferPointer(rebasing: made[start..<start + portion.byteCount])
        switch tensor.pieces[portion.piece] {
        case .constant(let bytes):
            let start = byteCount(ofElements: portion.elements.lowerBound, of: tensor.descriptor.scalarType)
            target.copyBytes(from: bytes[start..<start + portion.byteCount])
            return UnsafeRawBufferPointer(target)
        case .tensor(let reference, let part):
            var source = plan.sources[reference.source].tensors
            var type = tensor.sourceType
            if case .transposed = part, type.kind == .block {
                // Blocks lie along rows: what is to be turned is first what it stands for.
                source = try DequantizedSource(source)
                type = .f32
            }
            let isCast = type != tensor.descriptor.scalarType || tensor.multiplier != nil
            let sourceBytes = byteCount(ofElements: portion.elements.count, of: type)
            let gathered = isCast ? UnsafeMutableRawBufferPointer(rebasing: turned[..<sourceBytes]) : target
            do throws(IsomerError) {
                switch part {
                case .whole:
                    try source.read(reference.index, at: byteCount(ofElements: portion.elements.lowerBound, of: type), into: gathered)
                case .elements(let range):
                    try source.read(
                        reference.index, at: byteCount(ofElements: range.lowerBound + portion.elements.lowerBound, of: type),
                        into: gathered)
                case .transposed(let rows, let columns):
                    try turn(
                        source, reference.index, rows: rows, columns: columns, size: type.bitCount / 8, portion.elements, into: gathered)
                }
            } catch {
                throw error.about(source.tensors[reference.index].name)
            }
            guard isCast else { return UnsafeRawBufferPointer(target) }
            var elements = UnsafeRawBufferPointer(gathered)
            if let multiplier = tensor.multiplier {
                elements = try multiplied(elements, by: multiplier, count: portion.elements.count, of: type)
                type = .f32
            }
            let cast = try Cast(from: type, to: tensor.descriptor.scalarType)
            let place = TensorPlace(file: portion.file, tensor: portion.tensor)
            let lost: CastReport
            if cast.target.kind == .block {
                lost = try cast.apply(
                    elements, target, elementCount: portion.elements.count,
                    measuring: &quantizationErrors[place, default: QuantizationError()])
            } else {
                lost = try cast.apply(elements, target, elementCount: portion.elements.count)
            }
            if lost != CastReport() { losses[place, default: CastReport()] += lost }
            return UnsafeRawBufferPointer(target)
        }
    }

    /// The elements in binary32, each times `multiplier`.
    private func multiplied(
        _ elements: UnsafeRawBufferPointer, by multiplier: Float, count: Int, of type: ScalarType
    ) throws(IsomerError) -> UnsafeRawBufferPointer {
        let values = UnsafeMutableRawBufferPointer(rebasing: block[..<(count * 4)])
        try Cast(from: type, to: .f32).apply(elements, values, elementCount: count)
        values.withMemoryRebound(to: Float.self) { values in
            for index in values.indices { values[index] *= multiplier }
        }
        return UnsafeRawBufferPointer(values)
    }

    /// Reads a run of the transpose: whole target rows, or a part of one.
    ///
    /// A matrix that fits in the block is read once. A larger one is read in blocks of whole rows, once for each portion, or, where the
    /// wanted columns make up long enough stretches, those stretches only.
    private func turn(
        _ source: any TensorSource, _ index: Int, rows: Int, columns: Int, size: Int, _ elements: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        let wantedColumns = elements.lowerBound / rows..<(elements.upperBound - 1) / rows + 1
        let isPartOfRow = elements.count < rows
        let wantedRows = isPartOfRow ? elements.lowerBound % rows..<elements.lowerBound % rows + elements.count : 0..<rows
        let targetStride = wantedRows.count
        let rowBytes = columns * size
        let stretchBytes = wantedColumns.count * size
        if rowBytes <= block.count && stretchBytes < Self.longStretch {
            let step = block.count / rowBytes
            for first in stride(from: wantedRows.lowerBound, to: wantedRows.upperBound, by: step) {
                let count = min(step, wantedRows.upperBound - first)
                try source.read(index, at: first * rowBytes, into: UnsafeMutableRawBufferPointer(rebasing: block[..<(count * rowBytes)]))
                scatterTransposed(
                    UnsafeRawBufferPointer(rebasing: block[(wantedColumns.lowerBound * size)..<(count * rowBytes)]),
                    rows: count, columns: wantedColumns.count, blockStride: columns,
                    into: target, targetStride: targetStride, firstTargetColumn: first - wantedRows.lowerBound, elementSize: size)
            }
        } else {
            let step = max(1, block.count / stretchBytes)
            for first in stride(from: wantedRows.lowerBound, to: wantedRows.upperBound, by: step) {
                let count = min(step, wantedRows.upperBound - first)
                for row in 0..<count {
                    let stretch = block[(row * stretchBytes)..<((row + 1) * stretchBytes)]
                    try source.read(
                        index, at: (first + row) * rowBytes + wantedColumns.lowerBound * size,
                        into: UnsafeMutableRawBufferPointer(rebasing: stretch))
                }
                scatterTransposed(
                    UnsafeRawBufferPointer(rebasing: block[..<(count * stretchBytes)]),
                    rows: count, columns: wantedColumns.count, blockStride: wantedColumns.count,
                    into: target, targetStride: targetStride, firstTargetColumn: first - wantedRows.lowerBound, elementSize: size)
            }
        }
    }

    /// Bytes of a row's stretch from which on reading it alone is faster than reading whole rows: about what a system call costs.
    private static let longStretch = 4096
}

/// A planned tensor.
struct TensorPlace: Hashable, Comparable {
    var file: Int
    var tensor: Int

    static func < (left: TensorPlace, right: TensorPlace) -> Bool { (left.file, left.tensor) < (right.file, right.tensor) }
}
