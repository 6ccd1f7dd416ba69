public import IsomerBytes

/// A tokenizer found in a file or folder, and what stands beside it.
public struct TokenizerFile: Sendable {
    /// The tokenizer.
    public let tokenizer: Tokenizer
    /// Which files it was made of.
    public let origin: String
    /// Positions of its text encoder, marks included, if that is known.
    public let window: Int?
    /// The token that fills the rest of a window, if that is known.
    public let padding: TokenID?

    /// CLIP's tokenizer out of the binary.
    public static func clip(_ padding: CLIPPadding = .endOfText) throws(IsomerError) -> TokenizerFile {
        TokenizerFile(
            tokenizer: try .clip(padding: padding), origin: "built in", window: CLIPVocabulary.window,
            padding: padding == .endOfText ? CLIPVocabulary.endOfText : 0)
    }

    private init(tokenizer: Tokenizer, origin: String, window: Int?, padding: TokenID?) {
        self.tokenizer = tokenizer
        self.origin = origin
        self.window = window
        self.padding = padding
    }

    /// Loads what `path` leads to: a `tokenizer.json`, a SentencePiece `.model`, a `vocab.json` or `merges.txt` with the other beside it,
    /// OpenAI's `bpe_simple_vocab_16e6.txt(.gz)`, a `vocab.txt`, a `.tiktoken` file, a folder with any of these, or a Diffusers model, whose
    /// first tokenizer is taken.
    public init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        if Self.isFolder(path) {
            try self.init(folder: path, limits: limits)
        } else {
            let folder = path.removingLastComponent()
            try self.init(file: path, settings: try TokenizerSettings(folder, limits: limits), limits: limits)
        }
    }

    private init(folder: FilePath, limits: Limits) throws(IsomerError) {
        for inner in ["tokenizer", "tokenizer_2", "tokenizer_3"] where Self.isFolder(folder.appending(inner)) {
            try self.init(folder: folder.appending(inner), limits: limits)
            return
        }
        let names = [
            "tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "vocab.txt",
            "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
        ]
        guard let name = names.first(where: { Self.isFile(folder.appending($0)) }) else {
            throw IsomerError(
                .cannotRead, "the folder holds no tokenizer", path: folder, expected: names.prefix(6).joined(separator: ", "),
                remedy: "give the path of the tokenizer's own folder or file")
        }
        try self.init(file: folder.appending(name), settings: try TokenizerSettings(folder, limits: limits), limits: limits)
    }

    private init(file path: FilePath, settings: TokenizerSettings, limits: Limits) throws(IsomerError) {
        let name = path.lastComponent?.string ?? ""
        var bytes = try ReadableFile(path).contents(limit: limits.jsonBytes)
        if bytes.starts(with: [0x1F, 0x8B]) {
            do throws(IsomerError) {
                bytes = try Inflater.inflate(bytes, .gzip, size: .atMost(limits.jsonBytes))
            } catch {
                throw error.inFile(path)
            }
        }
        var tokenizer: Tokenizer
        var origin = name
        var window = settings.window
        do throws(IsomerError) {
            switch Self.kind(name, bytes) {
            case .tokenizerJSON: tokenizer = try Tokenizer(json: bytes, path: path, limits: limits)
            case .vocabularyJSON, .merges:
                let isMerges = Self.kind(name, bytes) == .merges
                let other = path.removingLastComponent().appending(isMerges ? "vocab.json" : "merges.txt")
                if isMerges, !Self.isFile(other) {
                    // OpenAI's table implies its vocabulary.
                    tokenizer = try .clip(vocabulary: try CLIPVocabulary(merges: bytes), padding: settings.clipPadding)
                    window = window ?? CLIPVocabulary.window
                    break
                }
                let otherBytes = try ReadableFile(other).contents(limit: limits.jsonBytes)
                let vocabulary = try VocabularyFiles.json(isMerges ? otherBytes : bytes, path: isMerges ? other : path, limits: limits)
                let text = try MergesText(isMerges ? bytes : otherBytes)
                let model: BytePairModel
                do throws(IsomerError) {
                    model = try BytePairModel(vocabulary: vocabulary, text: text)
                } catch {
                    throw error.inFile(isMerges ? path : other)
                }
                origin = "vocab.json and merges.txt"
                if vocabulary.id(of: CLIPVocabulary.startMark) != nil {
                    tokenizer = try .bytePairCLIP(
                        model, start: CLIPVocabulary.startMark, end: CLIPVocabulary.endMark,
                        padding: settings.padding ?? CLIPVocabulary.endMark)
                    window = window ?? CLIPVocabulary.window
                } else {
                    tokenizer = try .gpt2(model, addsPrefixSpace: settings.addsPrefixSpace)
                }
            case .sentencePiece: tokenizer = try Tokenizer(try SentencePieceModel(bytes))
            case .lines: tokenizer = try .bert(try VocabularyFiles.lines(bytes), lowercases: settings.lowercases)
            case .tiktoken: tokenizer = try VocabularyFiles.tiktoken(bytes)
            case .unknown:
                throw IsomerError(
                    .unsupported, "this is no kind of tokenizer file that is known",
                    remedy: "give a tokenizer.json, vocab.json, merges.txt, vocab.txt, .model or .tiktoken file, or their folder")
            }
            for (token, id) in settings.added where tokenizer.id(of: token.content) == nil {
                try tokenizer.added.add([(token, id)], tokenizer.model.vocabulary, tokenizer.normalizer)
            }
            try tokenizer.checkGaps()
        } catch {
            throw error.inFile(path)
        }
        self.init(
            tokenizer: tokenizer, origin: origin, window: window,
            padding: settings.padding.flatMap { tokenizer.id(of: $0) })
    }

    private enum Kind { case tokenizerJSON, vocabularyJSON, merges, sentencePiece, lines, tiktoken, unknown }

    private static func kind(_ name: String, _ bytes: [UInt8]) -> Kind {
        let lower = name.lowercased()
        if lower.hasSuffix(".tiktoken") { return .tiktoken }
        if lower.hasSuffix(".model") || lower.hasSuffix(".spm") { return .sentencePiece }
        if lower.hasPrefix("merges") || lower.hasPrefix("bpe_simple_vocab") || bytes.starts(with: "#version".utf8)
            || bytes.starts(with: "\"bpe_simple_vocab".utf8)
        {
            return .merges
        }
        if lower.hasSuffix(".txt") { return .lines }
        guard let first = bytes.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") else {
            // A SentencePiece model begins with its first piece.
            return bytes.first == 0x0A ? .sentencePiece : .unknown
        }
        // A tokenizer.json names its model; a vocabulary holds nothing but numbers.
        return lower.hasPrefix("vocab") || TextPattern.find(Array("\"model\"".utf8), in: bytes).isEmpty ? .vocabularyJSON : .tokenizerJSON
    }

    private static func isFolder(_ path: FilePath) -> Bool { (try? FileSystem.kind(of: path)) == .folder }
    private static func isFile(_ path: FilePath) -> Bool { (try? FileSystem.kind(of: path)) == .file }
}
