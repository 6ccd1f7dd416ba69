import IsomerBytes
import IsomerTensors

/// A weight that is stored as codes, with other tensors beside them that say which numbers they stand for.
protocol PackedWeight: Sendable {
    /// Its name, and the shape of its numbers and the type that they have.
    var tensor: TensorDescriptor { get }

    /// The numbers `elements`, counted row by row, in binary32: those of `tensor` once they are rounded to its type. `numbers` has just as many
    /// places, and at least one.
    func read(
        _ elements: Range<Int>, from source: any TensorSource, into numbers: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError)
}

/// A source whose packed weights read as the numbers they stand for, everything else as it is. Nothing of a weight is kept in memory.
final class UnpackedSource: TensorSource {
    /// Where a tensor comes from.
    enum Place: Sendable {
        case stored(Int)
        case packed(any PackedWeight)
    }

    let tensors: [TensorDescriptor]
    let metadata: FileMetadata
    private let source: any TensorSource
    private let places: [Place]

    init(_ source: any TensorSource, _ places: [Place], metadata: FileMetadata) {
        self.source = source
        self.places = places
        self.metadata = metadata
        tensors = places.map { place in
            switch place {
            case .stored(let index): source.tensors[index]
            case .packed(let weight): weight.tensor
            }
        }
    }

    var files: [ReadableFile] { source.files }

    func storedRange(of index: Int) -> StoredRange? {
        guard places.indices.contains(index), case .stored(let stored) = places[index] else { return nil }
        return source.storedRange(of: stored)
    }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard places.indices.contains(index) else {
            throw IsomerError(.usage, "there is no tensor with this index", expected: "less than \(places.count)", found: "\(index)")
        }
        let weight: any PackedWeight
        switch places[index] {
        case .stored(let stored): return try source.read(stored, at: offset, into: buffer)
        case .packed(let packed): weight = packed
        }
        let cast = try Cast(from: .f32, to: weight.tensor.scalarType)
        // Numbers, codes and result fit in a core's own cache.
        let step = 64 << 10
        let numbers = FloatBuffer(count: min(step, weight.tensor.shape.elementCount))
        defer { withExtendedLifetime(numbers) {} }
        try buffer.fill(from: offset, of: weight.tensor, step: step) { (elements, place) throws(IsomerError) in
            let run = UnsafeMutableBufferPointer(rebasing: numbers.values[..<elements.count])
            do throws(IsomerError) {
                try weight.read(elements, from: source, into: run)
            } catch {
                throw error.about(weight.tensor.name)
            }
            try cast.apply(UnsafeRawBufferPointer(run), place, elementCount: elements.count)
        }
    }
}

/// Bytes of a stored tensor, for a weight that is made of them.
func withStoredBytes(
    _ range: Range<Int>, of index: Int, in source: any TensorSource, _ body: (UnsafeRawBufferPointer) throws(IsomerError) -> Void
) throws(IsomerError) {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 64)
    defer { bytes.deallocate() }
    try source.read(index, at: range.lowerBound, into: bytes)
    try body(UnsafeRawBufferPointer(bytes))
}

/// Numbers of four bits, two to a byte, the first in the upper half.
struct FourBitRun {
    /// The bytes that hold `elements`.
    static func bytes(of elements: Range<Int>) -> Range<Int> { elements.lowerBound / 2..<(elements.upperBound + 1) / 2 }

    /// Sets `numbers` to what `table` has for the codes of `elements`, times `scale`. `bytes` begin with that which holds the first.
    @inline(__always)
    static func unpack(
        _ bytes: UnsafeRawBufferPointer, from elements: Range<Int>, _ table: [Float], times scale: Float,
        into numbers: UnsafeMutableBufferPointer<Float>
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { scaled in
            for code in 0..<16 { scaled[code] = table[code] * scale }
            var place = 0
            var byte = 0
            if elements.lowerBound % 2 == 1 {
                numbers[0] = scaled[Int(bytes[0] & 15)]
                (place, byte) = (1, 1)
            }
            while place + 1 < elements.count {
                let codes = bytes[byte]
                numbers[place] = scaled[Int(codes >> 4)]
                numbers[place + 1] = scaled[Int(codes & 15)]
                place += 2
                byte += 1
            }
            if place < elements.count { numbers[place] = scaled[Int(bytes[byte] >> 4)] }
        }
    }
}
