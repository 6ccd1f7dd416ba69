internal import IsomerBytes

/// Reads the wire format of protocol buffers field by field.
///
///     message = field*
///     field   = key(varint: number << 3 | type) value
///     value   = varint (type 0) | 8 bytes (1) | length(varint) bytes (2) | 4 bytes (5)
///
/// Every length is checked against the bytes that are there. Groups (types 3 and 4), which were gone before these files were, are refused.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// - Parameter bytes: a message; its indices are offsets in the file.
    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// The next field, or `nil` at the end.
    mutating func next() throws(IsomerError) -> (number: UInt64, value: Value)? {
        guard position < bytes.endIndex else { return nil }
        let start = position
        let key = try varint()
        let number = key >> 3
        guard number > 0, number < 1 << 29 else { throw failure("a field number is out of range", at: start, found: "\(number)") }
        switch key & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 2:
            let place = position
            let length = try varint()
            guard length <= UInt64(bytes.endIndex - position) else {
                throw failure(
                    "a field is longer than what is left of its message", at: place, expected: "at most \(bytes.endIndex - position) bytes",
                    found: "\(length) bytes")
            }
            defer { position += Int(length) }
            return (number, .bytes(bytes[position..<position + Int(length)]))
        case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw failure("a field has an unknown wire type", at: start, found: "\(key & 7)")
        }
    }

    private mutating func varint() throws(IsomerError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.endIndex else { throw failure("the file ends inside a number", at: start) }
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit.
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw failure("a number is longer than 64 bits", at: start)
    }

    private mutating func fixed(_ count: Int) throws(IsomerError) -> UInt64 {
        guard bytes.endIndex - position >= count else { throw failure("the file ends inside a number", at: position) }
        defer { position += count }
        return bytes[position..<position + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func failure(_ what: String, at offset: Int, expected: String? = nil, found: String? = nil) -> IsomerError {
        IsomerError(
            .malformed, what, byteOffset: UInt64(offset), expected: expected, found: found,
            remedy: "the file is cut short, damaged or not a SentencePiece model: get it again")
    }
}

extension ProtobufReader.Value {
    func text(_ meaning: String) throws(IsomerError) -> String {
        let bytes = try slice(meaning)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw IsomerError(.malformed, "\(meaning) is not UTF-8", byteOffset: UInt64(bytes.startIndex))
        }
        return text
    }

    func slice(_ meaning: String) throws(IsomerError) -> ArraySlice<UInt8> {
        guard case .bytes(let bytes) = self else { throw IsomerError(.malformed, "\(meaning) has the wrong wire type") }
        return bytes
    }

    func number(_ meaning: String) throws(IsomerError) -> Int64 {
        guard case .varint(let value) = self else { throw IsomerError(.malformed, "\(meaning) has the wrong wire type") }
        return Int64(bitPattern: value)
    }

    func float(_ meaning: String) throws(IsomerError) -> Float {
        guard case .fixed32(let bits) = self else { throw IsomerError(.malformed, "\(meaning) has the wrong wire type") }
        let value = Float(bitPattern: bits)
        guard value.isFinite else { throw IsomerError(.malformed, "\(meaning) is not a finite number") }
        return value
    }
}
