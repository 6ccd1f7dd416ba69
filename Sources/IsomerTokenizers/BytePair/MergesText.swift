public import IsomerBytes

/// The text of a `merges.txt`: a version line, then a merge a line, both halves separated by one space, earliest first.
public struct MergesText: Sendable {
    /// One line.
    public struct Line: Sendable {
        // Half a word each: there are tens of thousands.
        let start: UInt32
        let separator: UInt32
        let end: UInt32

        /// The left half's bytes in the text.
        public var left: Range<Int> { Int(start)..<Int(separator) }
        /// The right half's bytes in the text.
        public var right: Range<Int> { Int(separator) + 1..<Int(end) }
    }

    /// The whole text.
    public let bytes: [UInt8]
    /// The merges, in order.
    public let lines: [Line]

    /// Finds the lines of `bytes`, at most `limit` merges (all if `nil`; OpenAI's table holds many that CLIP never uses).
    ///
    /// The first line is left out if it is a version mark (`#version…`, or OpenAI's `"bpe_simple_vocab_16e6.txt#version…`); empty lines
    /// count for nothing. Throws `malformed`, with the byte, for a line that is not two words.
    public init(_ bytes: [UInt8], limit: Int? = nil) throws(IsomerError) {
        guard bytes.count < Int(UInt32.max) else {
            throw IsomerError(.limitExceeded, "the merges are too long", expected: "less than 4 GiB", found: "\(bytes.count) bytes")
        }
        let text = bytes.span
        var lines: [Line] = []
        lines.reserveCapacity(limit ?? bytes.count / 12)
        var start = 0
        while start < text.count, lines.count < limit ?? .max {
            var end = start
            var separator = -1
            var spaces = 0
            while end < text.count, text[end] != UInt8(ascii: "\n") {
                if text[end] == UInt8(ascii: " ") {
                    spaces += 1
                    separator = end
                }
                end += 1
            }
            let next = end + 1
            if end > start, text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            if start == 0, Self.isVersion(text.extracting(0..<end)) {
                start = next
                continue
            }
            if end > start {
                guard spaces == 1, separator > start, separator + 1 < end else {
                    throw IsomerError(
                        .malformed, "line \(lines.count + 1) of the merges is not a merge", byteOffset: UInt64(start),
                        expected: "two tokens and one space", found: "\"\(String(decoding: bytes[start..<end].prefix(80), as: UTF8.self))\""
                    )
                }
                lines.append(
                    Line(
                        start: UInt32(truncatingIfNeeded: start), separator: UInt32(truncatingIfNeeded: separator),
                        end: UInt32(truncatingIfNeeded: end)))
            }
            start = next
        }
        self.bytes = bytes
        self.lines = lines
    }

    private static func isVersion(_ line: Span<UInt8>) -> Bool {
        let text = String(decoding: line)
        return text.hasPrefix("#version") || text.hasPrefix("\"bpe_simple_vocab_16e6.txt#version")
    }
}
