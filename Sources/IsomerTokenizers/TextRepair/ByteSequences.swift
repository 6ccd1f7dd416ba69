/// Repairs of bytes that would be UTF-8 but for what some program did to single ones.
///
/// Reference: rspeer/python-ftfy `chardata.py`, `fixes.py`, 6.3.1.
enum ByteSequences {
    private typealias Sequence = [[ClosedRange<UInt8>]]

    /// Sequences of UTF-8 in which a space stands for the byte 0xA0, for leading bytes that make likely characters of it.
    private static let spaced: [Sequence] = {
        let space: [ClosedRange<UInt8>] = [0x20...0x20]
        // 0x85 is an ellipsis to Windows, and 0xA0 was a space.
        let likely: [ClosedRange<UInt8>] = [0x80...0x84, 0x86...0x9F, 0xA1...0xBF]
        let any: [ClosedRange<UInt8>] = [0x80...0xBF]
        let four: [ClosedRange<UInt8>] = [0xF0...0xF0]
        return [
            [[0xC2...0xC3, 0xC5...0xC5, 0xCE...0xCE, 0xD0...0xD0, 0xD9...0xD9], space], [[0xE2...0xE3], space, likely],
            [[0xE0...0xE3], likely, space], [four, space, any, any], [four, any, space, any], [four, any, any, space],
        ]
    }()

    /// Sequences of UTF-8, or of surrogates in it, in which 0x1A, or once a question mark, stands for a byte that was lost.
    private static let lossy: [Sequence] = {
        let lost: [ClosedRange<UInt8>] = [0x1A...0x1A]
        let doubtful: [ClosedRange<UInt8>] = [0x1A...0x1A, 0x3F...0x3F]
        let any: [ClosedRange<UInt8>] = [0x1A...0x1A, 0x80...0xBF]
        let anything: [ClosedRange<UInt8>] = [0x1A...0x1A, 0x3F...0x3F, 0x80...0xBF]
        let (surrogate, high, low): ([ClosedRange<UInt8>], [ClosedRange<UInt8>], [ClosedRange<UInt8>]) =
            ([0xED...0xED], [0xA0...0xAF], [0xB0...0xBF])
        let (three, four): ([ClosedRange<UInt8>], [ClosedRange<UInt8>]) = ([0xE0...0xEF], [0xF0...0xF4])
        return [
            [[0xC2...0xDF], lost], [[0xC2...0xC3], [0x3F...0x3F]], [surrogate, high, doubtful, surrogate, low, anything],
            [surrogate, high, anything, surrogate, low, doubtful], [three, doubtful, any], [three, any, doubtful],
            [four, doubtful, any, any], [four, any, doubtful, any], [four, any, any, doubtful], [lost],
        ]
    }()

    /// Puts 0xA0 where a space took its place.
    static func restoreNoBreakSpaces(_ bytes: [UInt8]) -> [UInt8] {
        guard firstMatch(in: bytes, of: spaced) else { return bytes }
        return replace(graves(bytes), spaced) { match in match.map { $0 == 0x20 ? 0xA0 : $0 } }
    }

    /// Puts a replacement character where a character lost bytes.
    static func replaceLost(_ bytes: [UInt8]) -> [UInt8] {
        replace(bytes, lossy) { _ in [0xEF, 0xBF, 0xBD] }
    }

    /// 0xC3 and a space is an à that is a word of its own, but for the Portuguese words that begin with it.
    private static func graves(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            result.append(bytes[position])
            position += 1
            guard result.last == 0xC3, position < bytes.count, bytes[position] == 0x20 else { continue }
            let rest = bytes[(position + 1)...].prefix(5)
            if ![" ", "quele", "quela", "quilo", "s "].contains(where: { rest.starts(with: $0.utf8) }) {
                result += [0xA0, 0x20]
                position += 1
            }
        }
        return result
    }

    private static func firstMatch(in bytes: [UInt8], of sequences: [Sequence]) -> Bool {
        bytes.indices.contains { match(bytes, $0, sequences) != nil }
    }

    private static func match(_ bytes: [UInt8], _ start: Int, _ sequences: [Sequence]) -> Int? {
        sequences.first { sequence in
            bytes.count - start >= sequence.count
                && zip(bytes[start...], sequence).allSatisfy { byte, ranges in ranges.contains { $0.contains(byte) } }
        }?.count
    }

    private static func replace(_ bytes: [UInt8], _ sequences: [Sequence], _ body: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            if let count = match(bytes, position, sequences) {
                result += body(bytes[position..<position + count])
                position += count
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return result
    }
}

/// UTF-8 with what Java and Oracle make of it: surrogates as three bytes each, and 0xC0 0x80 for NUL.
///
/// Reference: rspeer/python-ftfy `bad_codecs/utf8_variants.py`, 6.3.1.
enum VariantUTF8 {
    /// The text, or `nil` if it is not even that.
    static func decode(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            let rest = bytes[position...]
            let isLast = { (count: Int) in rest.count == count && rest.last == 0x0A }
            if rest.first == 0xC0, rest.count > 1, rest[position + 1] == 0x80 || isLast(2) {
                // Python's `$` matches before a line feed at the end as well, which the reference then takes along.
                plain.append(0)
                position += 2
            } else if rest.count >= 6, rest.first == 0xED, 0xA0...0xAF ~= rest[position + 1], 0x80...0xBF ~= rest[position + 2],
                rest[position + 3] == 0xED, 0xB0...0xBF ~= rest[position + 4], 0x80...0xBF ~= rest[position + 5] || isLast(6)
            {
                let high = UInt32(rest[position + 1] & 0x0F) << 16 | UInt32(rest[position + 2] & 0x3F) << 10
                let value = high + (UInt32(rest[position + 4] & 0x0F) << 6 | UInt32(rest[position + 5] & 0x3F)) + 0x10000
                guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else { return nil }
                plain += encoded
                position += 6
            } else {
                plain.append(bytes[position])
                position += 1
            }
        }
        return String(validating: plain, as: UTF8.self).map { Array($0.unicodeScalars) }
    }
}
