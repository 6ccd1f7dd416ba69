/// ASCII by tables, as CLIP's pattern sees it.
enum ASCII {
    enum Kind { case letter, digit, other }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 9 && byte <= 13) }

    @inline(__always)
    static func lowercase(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }

    @inline(__always)
    static func kind(_ byte: UInt8) -> Kind {
        if (byte | 0x20) &- 97 < 26 { return .letter }
        return byte &- 48 < 10 ? .digit : .other
    }

    /// Whether the byte is a letter or a digit.
    static func isAlphanumeric(_ byte: UInt8) -> Bool { byte < 0x80 && kind(byte) != .other }

    /// How long the contraction (`'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`) is that starts at `start`, or `nil`.
    static func contraction(_ text: Span<UInt8>, _ start: Int) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < text.count else { return nil }
        let first = lowercase(text[start + 1])
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < text.count && lowercase(text[start + 2]) == UInt8(ascii: "e") ? 3 : nil
        case UInt8(ascii: "l"): return start + 2 < text.count && lowercase(text[start + 2]) == first ? 3 : nil
        default: return nil
        }
    }
}

extension Span<UInt8> {
    /// Whether `<|` stands anywhere.
    var containsMarkStart: Bool {
        guard count > 1 else { return false }
        for position in 0..<count - 1 where self[position] == UInt8(ascii: "<") && self[position + 1] == UInt8(ascii: "|") { return true }
        return false
    }
}

extension AddedVocabulary {
    func mayBeginNormalized(_ byte: UInt8) -> Bool { normalized.mayBegin(byte) }

    /// Whether a token looked for in the text as it is stands in `text`.
    func mayMatchPlain(_ text: Span<UInt8>) -> Bool { plain.matches(in: text) }

    /// Whether a token looked for after normalisation stands in `text`, which is one stretch of ASCII.
    func mayMatchNormalized(_ text: Span<UInt8>) -> Bool {
        var lower: [UInt8] = []
        lower.reserveCapacity(text.count)
        for position in text.indices { lower.append(ASCII.lowercase(text[position])) }
        return normalized.matches(in: lower.span) || normalized.matches(in: text)
    }

    func mayMatch(_ text: Span<UInt8>) -> Bool {
        plain.matches(in: text) || normalized.matches(in: text)
    }

    func plainMatches(in text: Span<UInt8>) -> [(range: Range<Int>, id: TokenID)] {
        var bytes: [UInt8] = []
        bytes.append(contentsOf: text)
        return plain.matches(in: bytes)
    }
}

extension LiteralMatcher {
    func mayBegin(_ byte: UInt8) -> Bool { isFirst[Int(byte)] }

    /// Whether any of the texts stands in `text`.
    func matches(in text: Span<UInt8>) -> Bool {
        guard !isEmpty else { return false }
        var bytes: [UInt8]?
        for position in text.indices where isFirst[Int(text[position])] {
            if bytes == nil {
                var copy: [UInt8] = []
                copy.append(contentsOf: text)
                bytes = copy
            }
            if let bytes, longest(at: position, in: bytes[...]) != nil { return true }
        }
        return false
    }
}

extension Tokenizer {
    /// Whether normalizer and pre-tokenizer are CLIP's.
    var hasCLIPPipeline: Bool {
        guard case .sequence(let normalizers) = normalizer, normalizers.count == 3, case .form(.nfc) = normalizers[0],
            case .replace(.expression(let spaces), let content) = normalizers[1], spaces.source.utf8.elementsEqual(#"\s+"#.utf8),
            content.utf8.elementsEqual(" ".utf8), case .lowercase = normalizers[2], case .sequence(let cutters) = preTokenizer,
            cutters.count == 2, case .split(.expression(let words), .removed, isInverted: true) = cutters[0],
            words.source.utf8.elementsEqual(Self.clipPattern.utf8),
            case .byteLevel(addsPrefixSpace: false, _, usesExpression: true) = cutters[1]
        else { return false }
        return true
    }

    /// The stand-in for spaces, the bytes that separate words, and whether neighbouring spaces mean something, if the pipeline is that of a SentencePiece model with
    /// unchanged printable ASCII.
    var unigramPipeline: (mark: Unicode.Scalar, isSeparator: [Bool], keepsRuns: Bool)? {
        var isSeparator = (UInt8.min...UInt8.max).map(ASCII.isSpace)
        switch normalizer {
        case nil: break
        case .precompiled(let map):
            guard (UInt8(0x21)...0x7E).allSatisfy({ map.prefix(of: [$0], longest: false) == nil }) else { return nil }
            // A map may remove white space instead of keeping it; then words grow together.
            for byte in UInt8.min...0x20 where isSeparator[Int(byte)] {
                isSeparator[Int(byte)] = map.prefix(of: [byte], longest: false)?.text.elementsEqual([0x20]) ?? true
            }
        default: return nil
        }
        switch preTokenizer {
        case .metaspace(let mark, .always, splits: true): return (mark, isSeparator, true)
        case .sequence(let cutters):
            guard cutters.count == 2, case .whitespaceSplit = cutters[0], case .metaspace(let mark, .always, splits: true) = cutters[1]
            else {
                return nil
            }
            return (mark, isSeparator, false)
        default: return nil
        }
    }
}
