extension JSONScanner {
    /// Checks the string that starts at `position`, leaving its content in `tokenRange`.
    mutating func scanString() throws(IsomerError) {
        let start = position + 1
        var cursor = start
        var hasEscapes = false
        scan: while cursor < bytes.count {
            switch bytes[cursor] {
            case UInt8(ascii: "\""): break scan
            case UInt8(ascii: "\\"):
                hasEscapes = true
                cursor = try endOfEscape(at: cursor)
            case 0x20..<0x80: cursor += 1
            case 0x80...: cursor = try endOfSequence(at: cursor)
            default:
                position = cursor
                throw IsomerError(
                    .malformed, "a string contains a control character that is not escaped", byteOffset: fileOffset,
                    found: describe(bytes[cursor]))
            }
        }
        guard cursor < bytes.count else {
            throw IsomerError(.malformed, "the JSON text ends inside the string that starts", byteOffset: fileOffset)
        }
        tokenRange = start..<cursor
        tokenHasEscapes = hasEscapes
        position = cursor + 1
    }

    /// The text of the last key or string, or of the last number.
    public var tokenText: String {
        tokenHasEscapes ? String(decoding: unescaped, as: UTF8.self) : String(decoding: bytes[tokenRange], as: UTF8.self)
    }

    /// The UTF-8 bytes of the last key or string, escapes resolved.
    public var tokenBytes: ArraySlice<UInt8> {
        tokenHasEscapes ? unescaped[...] : bytes[tokenRange]
    }

    /// The last string without its escapes, which `scanString` has found sound.
    private var unescaped: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(tokenRange.count)
        var cursor = tokenRange.lowerBound
        while cursor < tokenRange.upperBound {
            let byte = bytes[cursor]
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                cursor += 1
                continue
            }
            let kind = bytes[cursor + 1]
            cursor += 2
            switch kind {
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                var value = codeUnit(at: cursor) ?? 0
                cursor += 4
                if 0xD800..<0xDC00 ~= value {
                    value = 0x10000 + (value - 0xD800) << 10 + ((codeUnit(at: cursor + 2) ?? 0xDC00) - 0xDC00)
                    cursor += 6
                }
                let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: result.append(kind)
            }
        }
        return result
    }

    /// Checks the escape at `start` and returns where it ends. A pair of surrogates is one escape.
    private func endOfEscape(at start: Int) throws(IsomerError) -> Int {
        guard start + 1 < bytes.count else { return bytes.count }
        switch bytes[start + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            guard let unit = codeUnit(at: start + 2) else {
                throw IsomerError(
                    .malformed, "a \\u escape lacks its four hexadecimal digits", byteOffset: base + UInt64(start))
            }
            switch unit {
            case 0xD800..<0xDC00:
                let next = start + 6
                guard next + 1 < bytes.count, bytes[next] == UInt8(ascii: "\\"), bytes[next + 1] == UInt8(ascii: "u"),
                    let low = codeUnit(at: next + 2), 0xDC00..<0xE000 ~= low
                else { throw loneSurrogate(unit, at: start) }
                return start + 12
            case 0xDC00..<0xE000: throw loneSurrogate(unit, at: start)
            default: return start + 6
            }
        default:
            throw IsomerError(
                .malformed, "a string contains an escape that JSON does not have", byteOffset: base + UInt64(start),
                found: "\\" + describe(bytes[start + 1]))
        }
    }

    private func loneSurrogate(_ unit: UInt32, at start: Int) -> IsomerError {
        IsomerError(
            .malformed, "a string contains half of a surrogate pair", byteOffset: base + UInt64(start),
            found: "\\u" + String(unit, radix: 16))
    }

    /// Four hexadecimal digits at `start`.
    private func codeUnit(at start: Int) -> UInt32? {
        guard start + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[start..<start + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }

    /// Checks the UTF-8 sequence of two to four bytes at `start` (Unicode 16, table 3-7) and returns where it ends.
    private func endOfSequence(at start: Int) throws(IsomerError) -> Int {
        let lead = bytes[start]
        let length: Int
        // Overlong forms, surrogates and values beyond U+10FFFF are told by the second byte.
        let second: ClosedRange<UInt8>
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw notUTF8(at: start)
        }
        guard start + length <= bytes.count, second ~= bytes[start + 1],
            bytes[start + 2..<max(start + 2, start + length)].allSatisfy({ 0x80...0xBF ~= $0 })
        else { throw notUTF8(at: start) }
        return start + length
    }

    private func notUTF8(at start: Int) -> IsomerError {
        IsomerError(.malformed, "a string is not UTF-8", byteOffset: base + UInt64(start), found: describe(bytes[start]))
    }
}
