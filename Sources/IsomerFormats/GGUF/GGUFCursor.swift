internal import IsomerBytes

/// Reads a GGUF file's head from mapped memory, in order, never past the end.
struct GGUFCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type, _ meaning: String) throws(IsomerError) -> Number {
        let size = Number.bitWidth / 8
        try need(size, meaning)
        defer { position += size }
        // SAFETY: `need` has compared the range with the buffer.
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }

    /// The next `count` bytes.
    mutating func take(_ count: Int, _ meaning: String) throws(IsomerError) -> UnsafeRawBufferPointer {
        try need(count, meaning)
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    /// A length, then so many bytes.
    mutating func counted(_ meaning: String) throws(IsomerError) -> UnsafeRawBufferPointer {
        let start = position
        let length = try number(UInt64.self, "the length of \(meaning)")
        guard let count = Int(exactly: length), count <= remaining else {
            throw IsomerError(
                .malformed, "\(meaning) is longer than the file", byteOffset: UInt64(start), expected: "at most \(remaining) bytes",
                found: "\(length)", remedy: "the file is cut short or damaged: get it again")
        }
        return try take(count, meaning)
    }

    /// A length, then a text of so many bytes.
    mutating func text(_ meaning: String) throws(IsomerError) -> String {
        let start = position
        let raw = try counted(meaning)
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw IsomerError(
                .malformed, "\(meaning) is not UTF-8", byteOffset: UInt64(start + 8), remedy: "the file is damaged: get it again")
        }
        return text
    }

    private func need(_ count: Int, _ meaning: String) throws(IsomerError) {
        guard count >= 0, count <= remaining else {
            throw IsomerError(
                .malformed, "the file ends inside \(meaning)", byteOffset: UInt64(position), expected: "\(count) bytes",
                found: "\(remaining) bytes", remedy: "the file is cut short or damaged: get it again")
        }
    }
}
