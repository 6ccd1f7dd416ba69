import IsomerArchitectures
import IsomerBytes
import IsomerTensors

/// Matrices put together from columns of others and zeros: the factors of joined and parted modules.
final class BlockTensors: TensorSource {
    /// A run of rows, each made of the same segments.
    struct Rows: Sendable {
        var count: Int
        var segments: [Segment]
    }

    /// Neighbouring columns of a run of rows.
    enum Segment: Sendable {
        case zeros(Int)
        /// Columns of the rows from `firstRow` on of a tensor that is `width` wide, times `factor`.
        case columns(tensor: Int, firstRow: Int, range: Range<Int>, width: Int, factor: Float)

        var width: Int {
            switch self {
            case .zeros(let count): count
            case .columns(_, _, let range, _, _): range.count
            }
        }
    }

    let tensors: [TensorDescriptor]
    let metadata: FileMetadata = [:]
    let files: [ReadableFile] = []
    private let source: any TensorSource
    private let blocks: [[Rows]]

    /// Each tensor's rows make up its shape; their elements have the type of those that they are taken from.
    init(_ source: any TensorSource, _ tensors: [(TensorDescriptor, [Rows])]) {
        self.source = source
        self.tensors = tensors.map(\.0)
        blocks = tensors.map(\.1)
    }

    func storedRange(of index: Int) -> StoredRange? { nil }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        let tensor = tensors[index]
        let size = tensor.scalarType.bitCount / 8
        let rowBytes = (blocks[index].first?.segments.reduce(0) { $0 + $1.width } ?? 0) * size
        guard rowBytes > 0, offset >= 0, buffer.count <= tensor.byteCount - offset else {
            guard buffer.isEmpty else { throw IsomerError(.usage, "the range lies outside the tensor", item: tensor.name) }
            return
        }
        let first = offset / rowBytes
        let last = (offset + buffer.count + rowBytes - 1) / rowBytes
        var start = 0
        for rows in blocks[index] {
            let wanted = max(first, start)..<max(max(first, start), min(last, start + rows.count))
            let step = max(1, (256 << 10) / rowBytes)
            for top in stride(from: wanted.lowerBound, to: wanted.upperBound, by: step) {
                let part = top..<min(wanted.upperBound, top + step)
                let made = try make(rows, part.lowerBound - start..<part.upperBound - start, size, tensor.scalarType)
                let from = max(offset, part.lowerBound * rowBytes)
                let to = min(offset + buffer.count, part.upperBound * rowBytes)
                let place = from - part.lowerBound * rowBytes
                UnsafeMutableRawBufferPointer(rebasing: buffer[(from - offset)..<(to - offset)])
                    .copyBytes(from: made[place..<place + (to - from)])
            }
            start += rows.count
        }
    }

    private func make(_ rows: Rows, _ part: Range<Int>, _ size: Int, _ type: ScalarType) throws(IsomerError) -> [UInt8] {
        let rowBytes = rows.segments.reduce(0) { $0 + $1.width } * size
        var made = [UInt8](repeating: 0, count: part.count * rowBytes)
        var left = 0
        for segment in rows.segments {
            defer { left += segment.width * size }
            guard case .columns(let tensor, let firstRow, let range, let width, let factor) = segment, width > 0 else { continue }
            var bytes = try bytes(of: tensor, (firstRow + part.lowerBound) * width * size, part.count * width * size)
            if factor != 1 { bytes = try scaled(bytes, type, factor) }
            for row in 0..<part.count {
                let from = (row * width + range.lowerBound) * size
                made.replaceSubrange(
                    row * rowBytes + left..<row * rowBytes + left + range.count * size, with: bytes[from..<from + range.count * size])
            }
        }
        return made
    }

    private func bytes(of tensor: Int, _ offset: Int, _ count: Int) throws(IsomerError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: IsomerError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(IsomerError) { try source.read(tensor, at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    private func scaled(_ bytes: [UInt8], _ type: ScalarType, _ factor: Float) throws(IsomerError) -> [UInt8] {
        let count = bytes.count * 8 / type.bitCount
        var numbers = [Float](repeating: 0, count: count)
        var result = bytes
        let (widen, narrow) = (try Cast(from: type, to: .f32), try Cast(from: .f32, to: type))
        var failure: IsomerError?
        numbers.withUnsafeMutableBytes { numbers in
            result.withUnsafeMutableBytes { result in
                do throws(IsomerError) {
                    try widen.apply(UnsafeRawBufferPointer(result), numbers, elementCount: count)
                    let floats = numbers.bindMemory(to: Float.self)
                    for i in floats.indices { floats[i] *= factor }
                    try narrow.apply(UnsafeRawBufferPointer(numbers), result, elementCount: count)
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return result
    }
}
