internal import IsomerBytes

/// Texts and numbers as the text protocols write them. Every function returns `nil` for what Python would not read.
enum PickleText {
    /// Text that should be UTF-8. Python lets half surrogates through; they become U+FFFD, for a Swift string cannot hold them.
    static func unicode(_ bytes: ArraySlice<UInt8>) -> String? {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        // A half surrogate is ED followed by A0…BF and one more byte. With these taken out, the rest must be valid.
        var mended: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == 0xED, index + 2 < bytes.endIndex, bytes[index + 1] & 0xE0 == 0xA0, bytes[index + 2] & 0xC0 == 0x80 {
                mended += [0xEF, 0xBF, 0xBD]
                index += 3
            } else {
                mended.append(bytes[index])
                index += 1
            }
        }
        return String(validating: mended, as: UTF8.self)
    }

    /// The argument of `INT`: decimal digits, or `00` and `01` for the truth values.
    /// The argument of `LONG`: decimal digits and an `L`. Two's complement, least significant byte first.
    static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var digits = bytes
        let isNegative = digits.first == 0x2D
        if isNegative || digits.first == 0x2B { digits = digits.dropFirst() }
        // Python itself refuses more than 4,300 digits; the conversion is quadratic.
        guard !digits.isEmpty, digits.count <= 4_300, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        var magnitude: [UInt8] = [0]
        for digit in digits {
            var carry = UInt16(digit - 0x30)
            for position in magnitude.indices {
                carry += UInt16(magnitude[position]) * 10
                magnitude[position] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { magnitude.append(UInt8(truncatingIfNeeded: carry)) }
        }
        magnitude.append(0)
        guard isNegative else { return magnitude }
        var carry: UInt16 = 1
        for position in magnitude.indices {
            carry += UInt16(~magnitude[position])
            magnitude[position] = UInt8(truncatingIfNeeded: carry)
            carry >>= 8
        }
        return magnitude
    }

    /// The argument of `FLOAT`: what Python's `repr` of a float is.
    static func float(_ bytes: ArraySlice<UInt8>) -> Double? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        switch text.lowercased() {
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan", "+nan", "-nan": return .nan
        default:
            let allowed = "0123456789+-.eE"
            return text.utf8.allSatisfy { allowed.utf8.contains($0) } ? Double(text) : nil
        }
    }

    /// The argument of `GET` and `PUT`.
    static func index(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return String(validating: bytes, as: UTF8.self).flatMap(UInt32.init)
    }

    /// The argument of `STRING`: a quoted Python literal with backslash escapes.
    static func quoted(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard line.count >= 2, let quote = line.first, quote == line.last, quote == 0x22 || quote == 0x27 else { return nil }
        let body = line.dropFirst().dropLast()
        var result: [UInt8] = []
        var index = body.startIndex
        while index < body.endIndex {
            let byte = body[index]
            index += 1
            guard byte == 0x5C else {
                result.append(byte)
                continue
            }
            guard index < body.endIndex else { return nil }
            let escape = body[index]
            index += 1
            switch escape {
            case 0x5C, 0x27, 0x22: result.append(escape)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "a"): result.append(0x07)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "v"): result.append(0x0B)
            case UInt8(ascii: "x"):
                guard let value = hexadecimal(body[index...].prefix(2), digits: 2) else { return nil }
                result.append(UInt8(truncatingIfNeeded: value))
                index += 2
            case 0x30...0x37:
                var value = UInt16(escape - 0x30)
                var count = 1
                while count < 3, index < body.endIndex, (0x30...0x37).contains(body[index]) {
                    value = value * 8 + UInt16(body[index] - 0x30)
                    index += 1
                    count += 1
                }
                result.append(UInt8(truncatingIfNeeded: value))
            default: result += [0x5C, escape]
            }
        }
        return result
    }

    /// The argument of `UNICODE`: Latin-1 with `\uXXXX` and `\UXXXXXXXX` escapes, and no others.
    static func rawUnicode(_ line: ArraySlice<UInt8>) -> String? {
        var units: [UInt16] = []
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            index += 1
            guard byte == 0x5C, index < line.endIndex, line[index] == UInt8(ascii: "u") || line[index] == UInt8(ascii: "U") else {
                units.append(UInt16(byte))
                continue
            }
            let digits = line[index] == UInt8(ascii: "u") ? 4 : 8
            index += 1
            guard let value = hexadecimal(line[index...].prefix(digits), digits: digits), value <= 0x10FFFF else { return nil }
            index += digits
            if value >= 0x10000 {
                units += [UInt16(0xD800 + ((value - 0x10000) >> 10)), UInt16(0xDC00 + ((value - 0x10000) & 0x3FF))]
            } else {
                units.append(UInt16(value))
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    private static func hexadecimal(_ bytes: ArraySlice<UInt8>, digits: Int) -> UInt32? {
        guard bytes.count == digits else { return nil }
        var value: UInt32 = 0
        for byte in bytes {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
