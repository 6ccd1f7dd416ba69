internal import IsomerBytes

/// The value of one of the `tokenizer.*` keys of a GGUF file, whatever width its numbers have there.
public enum TokenizerKeyValue: Hashable, Sendable {
    case bool(Bool)
    case integer(Int)
    case string(String)
    case strings([String])
    case integers([Int])
    case floats([Float])
}

/// A tokenizer as the `tokenizer.*` keys of a GGUF file.
///
///     tokenizer.ggml.model        t5 (Unigram), llama (SentencePiece BPE), gpt2 (byte-level BPE), bert (WordPiece)
///     tokenizer.ggml.pre          how gpt2 cuts text
///     tokenizer.ggml.tokens       texts in order of ids
///     tokenizer.ggml.token_type   1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
///     tokenizer.ggml.scores       logarithms of probabilities, or minus ranks
///     tokenizer.ggml.merges       pairs, "left right"
///     tokenizer.huggingface.json  the whole tokenizer.json
///
/// Reference: ggml-org/ggml `docs/gguf.md`; ggml-org/llama.cpp `gguf-py/gguf/constants.py`, `src/llama-vocab.cpp`, gguf 0.17.
public enum TokenizerKeys {
    static let prefix = "tokenizer.ggml."
    static let wholeFile = "tokenizer.huggingface.json"

    /// How llama.cpp's name for a way to cut text is written as an expression; GPT-2's own is `gpt-2`.
    static let expressions: [(name: String, expression: String)] = [
        (
            "llama-bpe",
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ),
        (
            "qwen2",
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ),
    ]

    /// What `token_type` says.
    static func type(_ number: Int) -> SentencePieceModel.PieceType? { SentencePieceModel.PieceType(rawValue: Int64(number)) }
}

/// Reads keys with their types checked.
struct TokenizerKeyReader {
    let values: (String) throws(IsomerError) -> TokenizerKeyValue?

    private func value(_ name: String) throws(IsomerError) -> TokenizerKeyValue? { try values(TokenizerKeys.prefix + name) }

    private func failure(_ name: String, _ expected: String) -> IsomerError {
        IsomerError(.malformed, "the key's value has the wrong type", item: TokenizerKeys.prefix + name, expected: expected)
    }

    func string(_ name: String) throws(IsomerError) -> String? {
        guard let value = try value(name) else { return nil }
        guard case .string(let text) = value else { throw failure(name, "a text") }
        return text
    }

    func flag(_ name: String, _ standard: Bool) throws(IsomerError) -> Bool {
        guard let value = try value(name) else { return standard }
        guard case .bool(let flag) = value else { throw failure(name, "true or false") }
        return flag
    }

    func strings(_ name: String) throws(IsomerError) -> [String]? {
        guard let value = try value(name) else { return nil }
        guard case .strings(let texts) = value else { throw failure(name, "texts") }
        return texts
    }

    func integers(_ name: String) throws(IsomerError) -> [Int]? {
        guard let value = try value(name) else { return nil }
        guard case .integers(let numbers) = value else { throw failure(name, "whole numbers") }
        return numbers
    }

    func floats(_ name: String) throws(IsomerError) -> [Float]? {
        guard let value = try value(name) else { return nil }
        guard case .floats(let numbers) = value, numbers.allSatisfy(\.isFinite) else { throw failure(name, "finite numbers") }
        return numbers
    }

    /// The id of a token, if there is one.
    func id(_ name: String, of count: Int) throws(IsomerError) -> Int? {
        guard let value = try value(name + "_token_id") else { return nil }
        guard case .integer(let id) = value, 0..<count ~= id else { throw failure(name + "_token_id", "an id below \(count)") }
        return id
    }
}
