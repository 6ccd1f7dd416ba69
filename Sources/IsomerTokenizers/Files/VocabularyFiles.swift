public import IsomerBytes

/// Vocabularies in the files that hold nothing else.
public enum VocabularyFiles {
    /// A `vocab.json`: an object of tokens and ids.
    public static func json(_ bytes: [UInt8], path: FilePath? = nil, limits: Limits = Limits()) throws(IsomerError) -> Vocabulary {
        do throws(IsomerError) {
            return try Vocabulary(JSONCursor(try JSONValue(parsing: bytes, limits: limits), path: path))
        } catch {
            throw error.inFile(path)
        }
    }

    /// A WordPiece `vocab.txt`: a token a line, ids in order.
    public static func lines(_ bytes: [UInt8], path: FilePath? = nil) throws(IsomerError) -> Vocabulary {
        var vocabulary = Vocabulary()
        var start = 0
        while start < bytes.count {
            let next = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var end = next
            while end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            guard let token = String(validating: bytes[start..<end], as: UTF8.self) else {
                throw IsomerError(.malformed, "line \(vocabulary.count + 1) is not UTF-8", path: path, byteOffset: UInt64(start))
            }
            do throws(IsomerError) {
                try vocabulary.insert(token, id: TokenID(vocabulary.count))
            } catch {
                var error = error.inFile(path)
                error.location.byteOffset = UInt64(start)
                throw error
            }
            start = next + 1
        }
        guard vocabulary.count > 0 else { throw IsomerError(.malformed, "the vocabulary is empty", path: path) }
        return vocabulary
    }

    /// The text of a `vocab.txt`.
    public static func lines(_ vocabulary: Vocabulary) -> [UInt8] {
        (0..<TokenID(vocabulary.idBound)).flatMap { Array(vocabulary.bytes(of: $0) ?? []) + [UInt8(ascii: "\n")] }
    }

    /// A `.tiktoken` file: base64 of a token's bytes, a space and its rank, a line each.
    ///
    /// The file does not say how text is cut; the tokenizer made here cuts as cl100k does, like transformers. Nor does it say the special
    /// tokens, which stand in its callers, so ranks may have gaps.
    public static func tiktoken(_ bytes: [UInt8], path: FilePath? = nil) throws(IsomerError) -> Tokenizer {
        var vocabulary = Vocabulary()
        var order: [Int] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let fields = bytes[start..<end].split(separator: UInt8(ascii: " "))
            defer { start = end + 1 }
            if fields.isEmpty { continue }
            guard fields.count == 2, let token = Base64.decode(String(decoding: fields[0], as: UTF8.self)), !token.isEmpty,
                let rank = TokenID(String(decoding: fields[1].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
            else {
                throw IsomerError(
                    .malformed, "line \(vocabulary.count + 1) is not a token and its rank", path: path, byteOffset: UInt64(start),
                    expected: "base64, a space, a number")
            }
            var text = String.UnicodeScalarView()
            for byte in token { text.append(ByteAlphabet.scalars[Int(byte)]) }
            do throws(IsomerError) {
                try vocabulary.insert(String(text), id: rank)
            } catch {
                throw error.inFile(path)
            }
            order.append(Int(rank))
        }
        guard vocabulary.count > 0 else { throw IsomerError(.malformed, "the file holds no ranks", path: path) }
        do throws(IsomerError) {
            let pattern =
                #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            return try Tokenizer(
                preTokenizer: .sequence([
                    .split(.expression(try Pattern(pattern)), .isolated, isInverted: false),
                    .byteLevel(addsPrefixSpace: false, trimsOffsets: true, usesExpression: false),
                ]), model: .bytePair(BytePairEncoder(model: try MergeList.from(vocabulary, order: order.sorted()))),
                postProcessor: .byteLevel(addsPrefixSpace: true, trimsOffsets: false, usesExpression: true),
                decoder: .byteLevel(addsPrefixSpace: true, trimsOffsets: true, usesExpression: true))
        } catch {
            throw error.inFile(path)
        }
    }
}
