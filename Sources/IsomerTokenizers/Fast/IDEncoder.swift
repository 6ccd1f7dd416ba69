public import IsomerBytes

/// Encodes many texts one after another, ids only.
///
/// For the tokenizers that stand beside diffusion models (CLIP's and T5's, recognised by what they consist of) ASCII words go a short way:
/// cut by a table, looked up among words that came before. Everything else goes through `Tokenizer.encode`, a stretch between spaces at a
/// time where that gives the same ids. The result is always what `Tokenizer.encode` gives.
///
/// An encoder keeps a cache and belongs to one thread; make one for each.
public final class IDEncoder {
    /// The tokenizer whose ids these are.
    public let tokenizer: Tokenizer
    private let route: Route
    private var cache = WordCache()
    private var word: [UInt8] = []
    private var scratch: [BytePairMerger.Symbol] = []

    /// The short way, if there is one.
    private enum Route {
        case none
        case clip(BytePairModel, bytes: [TokenID], lastBytes: [TokenID])
        /// Pieces are made of runs of text between separators; `keepsRuns` if neighbouring spaces mean something.
        case unigram(UnigramEncoder, mark: [UInt8], isSeparator: [Bool], keepsRuns: Bool)
    }

    public init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        route = Self.route(tokenizer)
    }

    /// Whether there is a short way for this tokenizer.
    public var isFast: Bool {
        if case .none = route { false } else { true }
    }

    private static func route(_ tokenizer: Tokenizer) -> Route {
        // Tokens that reach over spaces, or look at their neighbours, need the whole text.
        let isLocal = tokenizer.addedTokens.allSatisfy { token, _ in
            !token.isSingleWord && !token.stripsLeft && !token.stripsRight && !token.content.utf8.contains { $0 <= 0x20 || $0 >= 0x80 }
        }
        switch tokenizer.model {
        case .bytePair(let encoder):
            guard isLocal, tokenizer.hasCLIPPipeline, encoder.endOfWordSuffix?.utf8.elementsEqual(CLIPVocabulary.endOfWord.utf8) == true,
                (encoder.continuingPrefix ?? "").isEmpty, !encoder.ignoresMerges
            else { return .none }
            let vocabulary = encoder.model.vocabulary
            let bytes = ByteAlphabet.scalars.compactMap { vocabulary.id(of: String($0)) }
            let lastBytes = ByteAlphabet.scalars.compactMap { vocabulary.id(of: String($0) + CLIPVocabulary.endOfWord) }
            guard bytes.count == 256, lastBytes.count == 256 else { return .none }
            return .clip(encoder.model, bytes: bytes, lastBytes: lastBytes)
        case .unigram(let encoder):
            guard let (mark, isSeparator, keepsRuns) = tokenizer.unigramPipeline else { return .none }
            return .unigram(encoder, mark: Array(String(mark).utf8), isSeparator: isSeparator, keepsRuns: keepsRuns)
        default: return .none
        }
    }

    /// Appends the ids of `text`, which must be UTF-8, to `ids`; without the tokens that a post-processor puts around them unless asked.
    public func encode(_ text: Span<UInt8>, addsSpecials: Bool = false, into ids: inout [TokenID]) throws(IsomerError) {
        guard addsSpecials else { return try encodePlain(text, into: &ids) }
        var plain: [TokenID] = []
        try encodePlain(text, into: &plain)
        var encoding = Encoding()
        for id in plain { encoding.append(id, "", 0..<0) }
        tokenizer.postProcessor?.process(&encoding, addsSpecials: true)
        ids += encoding.ids
    }

    /// The ids of a text.
    public func ids(of text: String, addsSpecials: Bool = false) throws(IsomerError) -> [TokenID] {
        var ids: [TokenID] = []
        try encode(Array(text.utf8).span, addsSpecials: addsSpecials, into: &ids)
        return ids
    }

    private func encodePlain(_ text: Span<UInt8>, into ids: inout [TokenID]) throws(IsomerError) {
        switch route {
        case .none: try encodeSlowly(text, into: &ids)
        case .clip(let model, let bytes, let lastBytes):
            // Marks that are looked for in the text as it is come first.
            guard tokenizer.added.mayMatchPlain(text) else { return try encodeCLIP(text, model, bytes, lastBytes, into: &ids) }
            var start = 0
            for match in tokenizer.added.plainMatches(in: text) {
                try encodeCLIP(text.extracting(start..<match.range.lowerBound), model, bytes, lastBytes, into: &ids)
                ids.append(match.id)
                start = match.range.upperBound
            }
            try encodeCLIP(text.extracting(start..<text.count), model, bytes, lastBytes, into: &ids)
        case .unigram(let encoder, let mark, let isSeparator, let keepsRuns):
            guard !tokenizer.added.mayMatch(text), !keepsRuns || Self.hasSingleSpaces(text), !Self.joinsOverSpaces(text) else {
                return try encodeSlowly(text, into: &ids)
            }
            try encodeUnigram(text, encoder, mark, isSeparator, into: &ids)
        }
    }

    /// The long way.
    private func encodeSlowly(_ text: Span<UInt8>, into ids: inout [TokenID]) throws(IsomerError) {
        ids += try tokenizer.encode(String(decoding: text), addsSpecials: false).ids
    }

    /// The long way for a stretch between spaces, remembered.
    private func encodeStretch(_ text: Span<UInt8>, into ids: inout [TokenID]) throws(IsomerError) {
        if cache.append(text, to: &ids) { return }
        let start = ids.count
        try encodeSlowly(text, into: &ids)
        cache.insert(text, ids[start...])
    }
}

extension IDEncoder {
    /// One stretch after another: short where it is ASCII.
    private func encodeCLIP(
        _ text: Span<UInt8>, _ model: BytePairModel, _ bytes: [TokenID], _ lastBytes: [TokenID], into ids: inout [TokenID]
    ) throws(IsomerError) {
        var start = 0
        while start < text.count {
            if ASCII.isSpace(text[start]) {
                start += 1
                continue
            }
            var end = start
            var all: UInt8 = 0
            var isPlain = true
            while end < text.count, !ASCII.isSpace(text[end]) {
                all |= text[end]
                // What could begin a mark that is looked for after lower-casing.
                if tokenizer.added.mayBeginNormalized(ASCII.lowercase(text[end])) { isPlain = false }
                end += 1
            }
            let stretch = text.extracting(start..<end)
            // `<|` begins the two marks in CLIP's pattern.
            if all >= 0x80 || (!isPlain && tokenizer.added.mayMatchNormalized(stretch)) || stretch.containsMarkStart {
                try encodeStretch(stretch, into: &ids)
            } else {
                encodeASCII(stretch, model, bytes, lastBytes, into: &ids)
            }
            start = end
        }
    }

    /// Cuts a stretch of printable ASCII as CLIP's pattern does: contractions, runs of letters, single digits, runs of the rest.
    private func encodeASCII(
        _ text: Span<UInt8>, _ model: BytePairModel, _ bytes: [TokenID], _ lastBytes: [TokenID], into ids: inout [TokenID]
    ) {
        var start = 0
        while start < text.count {
            var end = start + 1
            switch ASCII.kind(text[start]) {
            case .letter: while end < text.count, ASCII.kind(text[end]) == .letter { end += 1 }
            case .digit: break
            case .other:
                if let length = ASCII.contraction(text, start) {
                    end = start + length
                } else {
                    while end < text.count, ASCII.kind(text[end]) == .other { end += 1 }
                }
            }
            word.removeAll(keepingCapacity: true)
            for position in start..<end { word.append(ASCII.lowercase(text[position])) }
            if !cache.append(word.span, to: &ids) {
                scratch.removeAll(keepingCapacity: true)
                for byte in word.dropLast() { scratch.append(.init(id: bytes[Int(byte)], length: 1)) }
                if let last = word.last { scratch.append(.init(id: lastBytes[Int(last)], length: 1)) }
                BytePairMerger.merge(&scratch, model.merges)
                let first = ids.count
                ids.append(contentsOf: scratch.lazy.map(\.id))
                cache.insert(word.span, ids[first...])
            }
            start = end
        }
    }

    private func encodeUnigram(
        _ text: Span<UInt8>, _ encoder: UnigramEncoder, _ mark: [UInt8], _ isSeparator: [Bool], into ids: inout [TokenID]
    ) throws(IsomerError) {
        var start = 0
        while start < text.count {
            if isSeparator[Int(text[start])] {
                start += 1
                continue
            }
            var end = start
            var isPrintable = true
            while end < text.count, !isSeparator[Int(text[end])] {
                if text[end] < 0x21 || text[end] > 0x7E { isPrintable = false }
                end += 1
            }
            let stretch = text.extracting(start..<end)
            if !isPrintable {
                try encodeStretch(stretch, into: &ids)
            } else if !cache.append(stretch, to: &ids) {
                word.removeAll(keepingCapacity: true)
                word += mark
                word.append(contentsOf: stretch)
                let first = ids.count
                for token in try encoder.tokens(of: word) { ids.append(token.id) }
                cache.insert(stretch, ids[first...])
            }
            start = end
        }
    }

    /// Whether spaces stand alone, between other characters, and are the only white space.
    private static func hasSingleSpaces(_ text: Span<UInt8>) -> Bool {
        var wasSpace = true
        for position in text.indices {
            let isSpace = text[position] == 0x20
            if isSpace, wasSpace { return false }
            if !isSpace, ASCII.isSpace(text[position]) { return false }
            wasSpace = isSpace
        }
        return !wasSpace || text.isEmpty
    }

    /// Whether a character beyond ASCII touches a space, so that both might be one grapheme.
    private static func joinsOverSpaces(_ text: Span<UInt8>) -> Bool {
        for position in text.indices where text[position] >= 0x80 {
            if position > 0, ASCII.isSpace(text[position - 1]), mayExtend(text, position) { return true }
            if position + 1 < text.count, ASCII.isSpace(text[position + 1]), mayPrecede(text, position) { return true }
        }
        return false
    }

    private static func mayExtend(_ text: Span<UInt8>, _ start: Int) -> Bool {
        guard let scalar = String(decoding: text.extracting(start..<min(start + 4, text.count))).unicodeScalars.first else { return true }
        let properties = scalar.properties
        return properties.isGraphemeExtend || properties.generalCategory.isMark || properties.isJoinControl
            || properties.isEmojiModifier
    }

    /// Whether the character that ends at `last` may take a space after it into its grapheme (Grapheme_Cluster_Break=Prepend).
    private static func mayPrecede(_ text: Span<UInt8>, _ last: Int) -> Bool {
        var start = last
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        guard let scalar = String(decoding: text.extracting(start..<last + 1)).unicodeScalars.first else { return true }
        switch scalar.value {
        case 0x600...0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD, 0x111C2, 0x111C3, 0x113D1, 0x1193F, 0x11941,
            0x11A3A,
            0x11A84...0x11A89, 0x11D46, 0x11F02:
            return true
        default: return false
        }
    }
}
