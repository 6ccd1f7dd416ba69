internal import IsomerBytes

/// How tokens become text again. The kinds are those of `tokenizer.json`.
indirect enum Decoder: Sendable {
    case sequence([Decoder])
    case bytePair(suffix: String)
    /// The fields mean nothing here and are kept for writing.
    case byteLevel(addsPrefixSpace: Bool, trimsOffsets: Bool, usesExpression: Bool)
    case wordPiece(prefix: String, cleansUp: Bool)
    case metaspace(replacement: Unicode.Scalar, PreTokenizer.PrependScheme, splits: Bool)
    case ctc(padding: String, delimiter: String, cleansUp: Bool)
    case replace(TextPattern, with: String)
    case fuse
    case strip(Unicode.Scalar, start: Int, stop: Int)
    case byteFallback

    /// As Rust's `str::replace`: an empty text stands before, between and behind all characters.
    private static func replace(_ part: String, in text: String, with content: String) -> String {
        guard !part.isEmpty else { return content + text.unicodeScalars.map { String($0) + content }.joined() }
        return replace(TextPattern.find(Array(part.utf8), in: Array(text.utf8)), in: text, with: content)
    }

    /// `text` with `content` for each of `matches`, which are ranges of its UTF-8 in order.
    private static func replace(_ matches: [Range<Int>], in text: String, with content: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var end = 0
        for match in matches {
            result += bytes[end..<match.lowerBound]
            result += content.utf8
            end = match.upperBound
        }
        return String(decoding: result + bytes[end...], as: UTF8.self)
    }

    /// The pieces of text that `tokens` become; joined they are the text.
    func decode(_ tokens: [String]) throws(IsomerError) -> [String] {
        switch self {
        case .sequence(let decoders):
            var tokens = tokens
            for decoder in decoders { tokens = try decoder.decode(tokens) }
            return tokens
        case .bytePair(let suffix):
            return tokens.enumerated().map { Self.replace(suffix, in: $1, with: $0 == tokens.count - 1 ? "" : " ") }
        case .byteLevel: return [Self.bytes(tokens)]
        case .wordPiece(let prefix, let cleansUp):
            return tokens.enumerated().map { index, token in
                var token = token
                if index > 0 {
                    token =
                        token.utf8.starts(with: prefix.utf8)
                        ? String(token.unicodeScalars.dropFirst(prefix.unicodeScalars.count)) : " " + token
                }
                return cleansUp ? Self.cleanUp(token) : token
            }
        case .metaspace(let replacement, let scheme, _):
            return tokens.enumerated().map { index, token in
                var text = String.UnicodeScalarView()
                for scalar in token.unicodeScalars {
                    if scalar != replacement {
                        text.append(scalar)
                    } else if index > 0 || scheme == .never {
                        text.append(" ")
                    }
                }
                return String(text)
            }
        case .ctc(let padding, let delimiter, let cleansUp):
            var result: [String] = []
            var last: String?
            for token in tokens where last.map({ !$0.utf8.elementsEqual(token.utf8) }) ?? true {
                last = token
                var text = token.replacing(padding, with: "")
                if cleansUp { text = Self.cleanUp(text).replacing(delimiter, with: " ") }
                if !text.isEmpty { result.append(text) }
            }
            return result
        case .replace(let pattern, let content):
            return try tokens.map { token throws(IsomerError) in
                Self.replace(try pattern.matches(in: token), in: token, with: content)
            }
        case .fuse: return [tokens.joined()]
        case .strip(let content, let start, let stop):
            return tokens.map { token in
                var scalars = Array(token.unicodeScalars)[...]
                scalars = scalars.dropFirst(scalars.prefix(start).prefix { $0 == content }.count)
                scalars = scalars.dropLast(scalars.suffix(stop).reversed().prefix { $0 == content }.count)
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars)
                return String(text)
            }
        case .byteFallback: return Self.fallBack(tokens)
        }
    }

    /// Characters of GPT-2's alphabet as bytes; a token with any other character stands for its own bytes.
    private static func bytes(_ tokens: [String]) -> String {
        var bytes: [UInt8] = []
        for token in tokens {
            let plain = token.unicodeScalars.map(ByteAlphabet.byte)
            bytes += plain.contains(nil) ? Array(token.utf8) : plain.compactMap(\.self)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `<0xE2>` as the byte; runs of bytes that are no UTF-8 become a replacement character each.
    private static func fallBack(_ tokens: [String]) -> [String] {
        var result: [String] = []
        var run: [UInt8] = []
        func flush() {
            guard !run.isEmpty else { return }
            if let text = String(validating: run, as: UTF8.self) {
                result.append(text)
            } else {
                result += repeatElement("\u{FFFD}", count: run.count)
            }
            run = []
        }
        for token in tokens {
            if let byte = byte(named: Array(token.utf8)[...]) {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    /// The byte that a token like `<0x0A>` names.
    static func byte(named token: ArraySlice<UInt8>) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token.last == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token.dropFirst(3).prefix(2), as: UTF8.self), radix: 16)
    }

    /// Undoes the spaces that English tokenization puts before marks.
    private static func cleanUp(_ text: String) -> String {
        [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ].reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}

extension String {
    /// The text with every occurrence of `wanted`, compared byte by byte, replaced.
    func replacing(_ wanted: String, with content: String) -> String {
        let bytes = Array(utf8)
        let matches = TextPattern.find(Array(wanted.utf8), in: bytes)
        guard !matches.isEmpty else { return self }
        var text: [UInt8] = []
        var end = 0
        for match in matches {
            text += bytes[end..<match.lowerBound]
            text += content.utf8
            end = match.upperBound
        }
        text += bytes[end...]
        return String(decoding: text, as: UTF8.self)
    }
}
