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

    /// T5's tokenizer out of the binary.
    public static func t5() throws(IsomerError) -> TokenizerFile {
        TokenizerFile(tokenizer: try .t5(), origin: "built in", window: T5Vocabulary.window, padding: T5Vocabulary.padding)
    }

    /// A tokenizer that was found elsewhere. `origin` says where, in a few words.
    public init(tokenizer: Tokenizer, origin: String, window: Int?, padding: TokenID?) {
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
            let inner = ["tokenizer", "tokenizer_2", "tokenizer_3"].map(path.appending).first(where: Self.isFolder)
            try self.init(TokenizerStore(folder: inner ?? path, limits: limits), limits: limits)
        } else {
            let name = path.lastComponent?.string ?? ""
            let bytes = try ReadableFile(path).contents(limit: limits.jsonBytes)
            let store = TokenizerStore(folder: path.removingLastComponent(), limits: limits)
            try self.init(name, bytes, path: path, beside: store, settings: try TokenizerSettings(store), limits: limits)
        }
    }

    /// Loads a tokenizer out of the files of its folder.
    ///
    /// - Parameter path: what errors call the folder.
    public init(_ files: [Tokenizer.File], path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        try self.init(TokenizerStore(files, path: path, limits: limits), limits: limits)
    }

    private init(_ store: TokenizerStore, limits: Limits) throws(IsomerError) {
        guard let name = TokenizerFormat.folderNames.first(where: store.has), let bytes = try store.bytes(name) else {
            throw IsomerError(
                .cannotRead, "the folder holds no tokenizer", path: store.path,
                expected: TokenizerFormat.folderNames.prefix(6).joined(separator: ", "),
                remedy: "give the path of the tokenizer's own folder or file")
        }
        try self.init(
            name, bytes, path: store.path.appending(name), beside: store, settings: try TokenizerSettings(store), limits: limits)
    }

    private init(
        _ name: String, _ raw: [UInt8], path: FilePath, beside store: TokenizerStore, settings: TokenizerSettings, limits: Limits
    ) throws(IsomerError) {
        let bytes = try Self.unpacked(raw, path: path, limits)
        var tokenizer: Tokenizer
        var origin = name
        var window = settings.window
        let format = TokenizerFormat(bytes, name: name)
        do throws(IsomerError) {
            switch format {
            case .tokenizerJSON: tokenizer = try Tokenizer(json: bytes, path: path, limits: limits)
            case .vocabularyJSON, .merges:
                let found = try Self.bytePairs(bytes, isMerges: format == .merges, path: path, beside: store, settings, limits)
                tokenizer = found.tokenizer
                if found.isPair { origin = "vocab.json and merges.txt" }
                if found.isCLIP { window = window ?? CLIPVocabulary.window }
            case .sentencePiece: tokenizer = try Tokenizer(try SentencePieceModel(bytes))
            case .lines: tokenizer = try .bert(try VocabularyFiles.lines(bytes), lowercases: settings.lowercases)
            case .tiktoken: tokenizer = try VocabularyFiles.tiktoken(bytes)
            case nil:
                throw IsomerError(
                    .unsupported, "this is no kind of tokenizer file that is known",
                    remedy: "give a tokenizer.json, vocab.json, merges.txt, vocab.txt, .model or .tiktoken file, or their folder")
            }
            for (token, id) in settings.added where tokenizer.id(of: token.content) == nil {
                try tokenizer.added.add([(token, id)], tokenizer.model.vocabulary, tokenizer.normalizer)
            }
            if format != .tiktoken { try tokenizer.checkGaps() }
        } catch {
            throw error.inFile(path)
        }
        self.init(
            tokenizer: tokenizer, origin: origin, window: window,
            padding: settings.padding.flatMap { tokenizer.id(of: $0) })
    }

    /// What is in a file, which may be packed by gzip.
    private static func unpacked(_ bytes: [UInt8], path: FilePath, _ limits: Limits) throws(IsomerError) -> [UInt8] {
        guard bytes.starts(with: [0x1F, 0x8B]) else { return bytes }
        do throws(IsomerError) {
            let reachable = UInt64(bytes.count).multipliedReportingOverflow(by: max(1, limits.unpackedRatio / 8))
            let grown = max(limits.unpackedRatioFloor, reachable.overflow ? .max : reachable.partialValue)
            return try Inflater.inflate(bytes, .gzip, size: .atMost(min(limits.jsonBytes, grown)))
        } catch {
            throw error.inFile(path)
        }
    }

    /// The tokenizer of a vocabulary or of merges, and of the other of the two beside it; of merges alone, which OpenAI's are, CLIP's.
    private static func bytePairs(
        _ bytes: [UInt8], isMerges: Bool, path: FilePath, beside store: TokenizerStore, _ settings: TokenizerSettings, _ limits: Limits
    ) throws(IsomerError) -> (tokenizer: Tokenizer, isPair: Bool, isCLIP: Bool) {
        let other = isMerges ? "vocab.json" : "merges.txt"
        let otherPath = store.path.appending(other)
        guard let otherBytes = try store.bytes(other) else {
            guard isMerges else {
                throw IsomerError(.cannotRead, "a vocabulary needs its merges beside it", expected: otherPath.string)
            }
            return (try .clip(vocabulary: try CLIPVocabulary(merges: bytes), padding: settings.clipPadding), isPair: false, isCLIP: true)
        }
        let vocabulary = try VocabularyFiles.json(isMerges ? otherBytes : bytes, path: isMerges ? otherPath : path, limits: limits)
        let model: BytePairModel
        do throws(IsomerError) {
            model = try BytePairModel(vocabulary: vocabulary, text: try MergesText(isMerges ? bytes : otherBytes))
        } catch {
            throw error.inFile(isMerges ? path : otherPath)
        }
        guard vocabulary.id(of: CLIPVocabulary.startMark) != nil else {
            return (try .gpt2(model, addsPrefixSpace: settings.addsPrefixSpace), isPair: true, isCLIP: false)
        }
        let clip = try Tokenizer.bytePairCLIP(
            model, start: CLIPVocabulary.startMark, end: CLIPVocabulary.endMark, padding: settings.padding ?? CLIPVocabulary.endMark)
        return (clip, isPair: true, isCLIP: true)
    }

    private static func isFolder(_ path: FilePath) -> Bool { (try? FileSystem.kind(of: path)) == .folder }
}
