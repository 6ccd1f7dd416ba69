internal import IsomerBytes
internal import IsomerTensors

/// A run of bytes that tensors are views of.
struct TorchStorage: Sendable {
    /// Where the bytes are.
    enum Place: Sendable {
        case file(ReadableFile, offset: UInt64)
        case deflated(ZipMemberStream)
        case memory([UInt8])
    }

    /// The name of its record, for errors.
    let name: String
    let place: Place
    let byteCount: UInt64
    /// The type the file gives it; `nil` if it is untyped.
    let scalarType: ScalarType?
    /// The sum its bytes must have, if the container says so.
    let crc32: UInt32?
    /// Whether numbers in it are stored most significant byte first.
    var isBigEndian = false
}

extension TorchStorage {
    /// Fills `buffer` with the storage's bytes from `offset`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        guard offset <= byteCount, UInt64(buffer.count) <= byteCount - offset else {
            throw IsomerError(.usage, "a read leaves its storage", item: name)
        }
        switch place {
        case .file(let file, let start): try file.read(into: buffer, at: start + offset)
        case .deflated(let stream): try stream.read(into: buffer, at: offset)
        case .memory(let bytes):
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + buffer.count]))
            }
        }
    }
}

/// A tensor as its file describes it: which elements of which storage.
struct TorchView: Hashable, Sendable {
    /// The storage, by number.
    let storage: Int
    let scalarType: ScalarType
    let shape: Shape
    /// Elements to skip for one step along each axis.
    let strides: [Int]
    /// The first element's place, in elements.
    let offset: Int
    /// Whether the imaginary parts are to be negated.
    var isConjugated = false
    /// Whether the values are to be negated.
    var isNegated = false

    /// Checks that every element lies inside the storage.
    func check(against storage: TorchStorage) throws(IsomerError) {
        guard strides.count == shape.rank, offset >= 0 else {
            throw IsomerError(
                .malformed, "a tensor's shape, strides and offset do not fit each other", found: "\(shape), \(strides), \(offset)")
        }
        guard shape.elementCount > 0 else { return }
        var last = offset
        for (extent, stride) in zip(shape.dimensions, strides) where extent > 1 {
            let (step, overflow) = stride.multipliedReportingOverflow(by: extent - 1)
            let (sum, overflowed) = last.addingReportingOverflow(step)
            guard stride >= 0, !overflow, !overflowed else {
                throw IsomerError(.malformed, "a tensor has impossible strides", found: "\(strides)")
            }
            last = sum
        }
        let bits = UInt64(scalarType.bitCount)
        let capacity = storage.byteCount.multipliedReportingOverflow(by: 8)
        guard !capacity.overflow, UInt64(last) < capacity.partialValue / bits else {
            throw IsomerError(
                .malformed, "a tensor reaches beyond its storage", expected: "at most \(storage.byteCount) bytes",
                found: "element \(last) of \(scalarType.rawValue)", remedy: "the file is damaged: get it again")
        }
        guard scalarType.isByteAligned || isContiguous && (UInt64(offset) * bits) % 8 == 0 else {
            throw IsomerError(.unsupported, "a tensor of elements below a byte is not stored in one piece")
        }
    }

    /// Whether the elements lie one behind the other, as in a freshly made tensor.
    var isContiguous: Bool {
        var expected = 1
        for (extent, stride) in zip(shape.dimensions, strides).reversed() where extent != 1 {
            if extent == 0 { return true }
            if stride != expected { return false }
            expected *= extent
        }
        return true
    }
}
