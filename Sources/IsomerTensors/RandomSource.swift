internal import CKernels
public import IsomerBytes

/// Tensors of random numbers that look like a freshly initialised network's, made as they are read.
///
/// Every element follows from the seed, its tensor's name and its place alone, so any thread can read any range and a file made from the
/// same seed is the same on every machine. `RandomInitialization` says how the numbers of each tensor are distributed.
public final class RandomSource: TensorSource {
    public let tensors: [TensorDescriptor]
    public let metadata: FileMetadata
    /// The seed.
    public let seed: UInt64
    private let rules: [RandomInitialization]
    private let keys: [UInt64]

    /// Elements made at a time. They fill whole bytes of every type.
    private static let blockElementCount = 1024

    /// Throws `usage` if a name comes twice, and `unsupported` for quantized tensors.
    public init(_ tensors: [TensorDescriptor], seed: UInt64, metadata: FileMetadata = FileMetadata()) throws(IsomerError) {
        var names: Set<String> = []
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw IsomerError(.usage, "two tensors have the same name", item: tensor.name)
            }
            guard tensor.scalarType.native != nil else {
                throw IsomerError(.unsupported, "quantized tensors cannot be made up", item: tensor.name, found: tensor.scalarType.rawValue)
            }
        }
        self.tensors = tensors
        self.metadata = metadata
        self.seed = seed
        rules = tensors.map(RandomInitialization.init)
        keys = tensors.map { Self.key(of: $0.name, seed: seed) }
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        try read(index, at: offset, into: buffer, level: .current)
    }

    func read(
        _ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer, level: KernelLevel
    ) throws(IsomerError) {
        guard tensors.indices.contains(index) else {
            throw IsomerError(.usage, "there is no such tensor", expected: "0..<\(tensors.count)", found: "\(index)")
        }
        let tensor = tensors[index]
        guard offset >= 0, offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset else {
            throw IsomerError(
                .usage, "a range lies outside its tensor", item: tensor.name, expected: "at most \(tensor.byteCount) bytes",
                found: "\(buffer.count) bytes from \(offset)")
        }
        let blockByteCount = Self.blockElementCount * tensor.scalarType.bitCount / 8
        withUnsafeTemporaryAllocation(byteCount: blockByteCount, alignment: 16) { scratch in
            var done = 0
            while done < buffer.count {
                let (block, start) = (offset + done).quotientAndRemainder(dividingBy: blockByteCount)
                let size = min(blockByteCount, tensor.byteCount - block * blockByteCount)
                let count = min(size - start, buffer.count - done)
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                if count == size {
                    fill(part, with: block, of: index, level: level)
                } else {
                    let whole = UnsafeMutableRawBufferPointer(rebasing: scratch[..<size])
                    fill(whole, with: block, of: index, level: level)
                    part.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<start + count]))
                }
                done += count
            }
        }
    }

    public func storedRange(of index: Int) -> StoredRange? { nil }

    /// Makes all of one block, or the tensor's last part of one.
    private func fill(_ bytes: UnsafeMutableRawBufferPointer, with block: Int, of index: Int, level: KernelLevel) {
        let type = tensors[index].scalarType
        let first = block * Self.blockElementCount
        let count = bytes.count * 8 / type.bitCount
        guard type.kind == .float || type.kind == .complex, let native = type.native else {
            fillIntegers(bytes, type, first: first, lastExtent: tensors[index].shape.dimensions.last ?? 1)
            return
        }
        let parts = type.kind == .complex ? 2 : 1
        let rule = rules[index]
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count * parts) { numbers in
            // The kernel's numbers have a standard deviation of 65536 / sqrt(3).
            let scale = Float(rule.deviation * 3.0.squareRoot() / 65536)
            isomer_random_normal(
                level.native, keys[index], UInt64(first * parts), scale, Float(rule.mean), numbers.baseAddress, count * parts)
            var counts = isomer_cast_counts()
            // SAFETY: `bytes` has `count` elements, and `numbers` as many parts.
            _ = isomer_cast(level.native, ISOMER_F32, native, numbers.baseAddress, bytes.baseAddress, count * parts, &counts)
        }
    }

    /// Places along the last axis, as in `position_ids`, as far as the type reaches. Booleans are true.
    private func fillIntegers(_ bytes: UnsafeMutableRawBufferPointer, _ type: ScalarType, first: Int, lastExtent: Int) {
        let size = type.bitCount / 8
        let largest = type.bitCount == 64 ? Int.max : 1 << (type.bitCount - (type.kind == .signed ? 1 : 0)) - 1
        for element in 0..<bytes.count / size {
            let value = type == .bool ? 1 : min((first + element) % max(lastExtent, 1), largest)
            for byte in 0..<size { bytes[element * size + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
        }
    }

    /// A sequence's name that follows from a tensor's and a seed.
    private static func key(of name: String, seed: UInt64) -> UInt64 {
        (seed.mixed ^ UInt64(fnv1a: name)).mixed
    }
}
