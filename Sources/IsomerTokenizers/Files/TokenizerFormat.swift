public import IsomerBytes

/// What kind of file holds a tokenizer.
public enum TokenizerFormat: String, Hashable, Sendable, CaseIterable {
    /// Hugging Face's `tokenizer.json`, which says everything.
    case tokenizerJSON = "tokenizer.json"
    /// A `vocab.json`; a `merges.txt` belongs to it.
    case vocabularyJSON = "vocab.json"
    /// A `merges.txt`, or OpenAI's `bpe_simple_vocab_16e6.txt`, which implies its vocabulary.
    case merges = "merges.txt"
    /// SentencePiece's `.model`.
    case sentencePiece = "SentencePiece model"
    /// WordPiece's `vocab.txt`.
    case lines = "vocab.txt"
    /// OpenAI's `.tiktoken`.
    case tiktoken

    /// Tells a file's kind by its content; only a `vocab.txt`, which has no mark of its own, by its name, and a vocabulary that holds the
    /// word "model" by the rest. `nil` if it is none of them.
    ///
    /// - Parameter bytes: the file's beginning or all of it, not compressed.
    public init?(_ bytes: [UInt8], name: String) {
        let lower = name.lowercased()
        if bytes.starts(with: "#version".utf8) || bytes.starts(with: "\"bpe_simple_vocab".utf8) {
            self = .merges
        } else if lower.hasSuffix(".tiktoken") || Self.isRanks(bytes) {
            self = .tiktoken
        } else if lower.hasSuffix(".spm") || Self.isSentencePiece(bytes) {
            self = .sentencePiece
        } else if lower.hasPrefix("merges") || lower.hasPrefix("bpe_simple_vocab") {
            self = .merges
        } else if bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) == UInt8(ascii: "{") {
            // A vocabulary holds nothing but numbers; a tokenizer.json names its model, in whatever order.
            let isWhole = ["\"model\"", "\"vocab\""].allSatisfy { !TextPattern.find(Array($0.utf8), in: bytes).isEmpty }
            if lower.hasPrefix("vocab") || lower.hasPrefix("encoder"), !isWhole || Self.isObjectOfNumbers(bytes) {
                self = .vocabularyJSON
            } else if isWhole || lower == "tokenizer.json" {
                self = .tokenizerJSON
            } else {
                guard Self.isObjectOfNumbers(bytes) else { return nil }
                self = .vocabularyJSON
            }
        } else if lower.hasSuffix(".model"), bytes.first != 0x80, !bytes.starts(with: "PK".utf8) {
            // What is damaged is reported as such; what is a pickle or an archive is some other model.
            self = .sentencePiece
        } else if lower.hasSuffix(".txt") {
            self = .lines
        } else {
            return nil
        }
    }

    /// A model begins with a piece: field 1, its length, and in it field 1 again, the text.
    private static func isSentencePiece(_ bytes: [UInt8]) -> Bool {
        bytes.count > 3 && bytes[0] == 0x0A && bytes[1] < 0x80 && bytes[2] == 0x0A && bytes[3] < bytes[1]
    }

    /// Base64 and a number on the first line.
    private static func isRanks(_ bytes: [UInt8]) -> Bool {
        let fields = bytes.prefix(4_096).prefix { $0 != 0x0A && $0 != 0x0D }.split(
            separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count == 2, !fields[0].isEmpty, fields[0].count % 4 == 0, TokenID(String(decoding: fields[1], as: UTF8.self)) != nil
        else { return false }
        return Base64.decode(String(decoding: fields[0], as: UTF8.self)) != nil
    }

    /// `{"token": 0, …`: a name, a colon and digits.
    private static func isObjectOfNumbers(_ bytes: [UInt8]) -> Bool {
        var quotes = 0
        var isEscaped = false
        for byte in bytes.prefix(64 << 10) {
            if quotes == 2 {
                if byte <= 0x20 || byte == UInt8(ascii: ":") { continue }
                return UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
            }
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                quotes += 1
            }
        }
        return false
    }
}

extension TokenizerFormat {
    /// The names under which folders hold tokenizers, the most telling first.
    static let folderNames = [
        "tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "vocab.txt",
        "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
    ]

    /// Whether `path` is a tokenizer's file, or a folder that holds a tokenizer and no model beside it.
    ///
    /// Folders that have a `model_index.json` or `config.json` are models, whose tokenizers are read through them.
    public static func isTokenizer(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) -> Bool {
        switch try FileSystem.kind(of: path) {
        case .folder:
            let store = TokenizerStore(folder: path, limits: limits)
            return folderNames.contains(where: store.has) && !store.has("model_index.json") && !store.has("config.json")
        case .file:
            let file = try ReadableFile(path)
            var bytes = [UInt8](repeating: 0, count: Int(min(file.size, 4_096)))
            var span = bytes.mutableSpan
            try span.withUnsafeMutableBytes { buffer throws(IsomerError) in try file.read(into: buffer, at: 0) }
            if bytes.first == UInt8(ascii: "{"), file.size <= limits.jsonBytes { bytes = try file.contents(limit: limits.jsonBytes) }
            let name = path.lastComponent?.string ?? ""
            if bytes.starts(with: [0x1F, 0x8B]) {
                return name.lowercased().hasPrefix("bpe_simple_vocab") || name.lowercased().hasPrefix("merges")
            }
            return TokenizerFormat(bytes, name: name) != nil
        default: return false
        }
    }
}
