internal import IsomerBytes

extension TokenModel {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        // Files from before the field are told apart by what they have.
        let type: String
        if let field = try cursor.optional("type") { type = try field.string() } else { type = try Self.guess(cursor) }
        switch type {
        case "BPE": self = .bytePair(try BytePairEncoder(cursor))
        case "Unigram": self = .unigram(try UnigramEncoder(cursor))
        case "WordPiece":
            self = .wordPiece(
                WordPieceEncoder(
                    vocabulary: try Vocabulary(try cursor.required("vocab")), unknown: try cursor.required("unk_token").string(),
                    continuingPrefix: try cursor.required("continuing_subword_prefix").string(),
                    greatestWordLength: try cursor.required("max_input_chars_per_word").integer(in: 0...(1 << 30))))
        case "WordLevel":
            self = .wordLevel(
                WordLevelEncoder(
                    vocabulary: try Vocabulary(try cursor.required("vocab")), unknown: try cursor.required("unk_token").string()))
        default: throw (try cursor.required("type")).unsupported("this kind of model is not known")
        }
    }

    private static func guess(_ cursor: JSONCursor) throws(IsomerError) -> String {
        if try cursor.optional("merges") != nil { return "BPE" }
        if try cursor.optional("continuing_subword_prefix") != nil { return "WordPiece" }
        if case .array = try cursor.required("vocab").value { return "Unigram" }
        return "WordLevel"
    }
}

extension Vocabulary {
    /// An object of tokens and ids.
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let object = try cursor.object()
        self.init(capacity: object.count)
        for (token, value) in object {
            guard case .number(let number) = value, let id = number.integer(as: TokenID.self) else {
                throw cursor.failure("a token's id is not a whole number", expected: "\(token): an id", found: value.kind)
            }
            do throws(IsomerError) {
                try insert(token, id: id)
            } catch {
                throw error.inFile(cursor.path)
            }
        }
    }
}

extension BytePairEncoder {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let vocabulary = try Vocabulary(try cursor.required("vocab"))
        let prefix = try cursor.optional("continuing_subword_prefix")?.string()
        let list = try cursor.required("merges")
        guard case .array(let elements) = list.value else { throw list.failure("the field has the wrong type", expected: "an array") }
        var merges: [(String, String)] = []
        merges.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            merges.append(try Self.merge(element, index, list))
        }
        let model: BytePairModel
        do throws(IsomerError) {
            model = try BytePairModel(vocabulary: vocabulary, merges: merges, prefix: prefix ?? "")
        } catch {
            throw error.inFile(cursor.path)
        }
        self.init(
            model: model, unknown: try cursor.optional("unk_token")?.string(), continuingPrefix: prefix,
            endOfWordSuffix: try cursor.optional("end_of_word_suffix")?.string(), fusesUnknown: try cursor.flag("fuse_unk", false),
            fallsBackToBytes: try cursor.flag("byte_fallback", false), ignoresMerges: try cursor.flag("ignore_merges", false),
            dropout: try cursor.optional("dropout")?.double())
        if let unknown, unknownID == nil {
            throw try cursor.required("unk_token").failure("the unknown token is not in the vocabulary", found: unknown)
        }
    }

    /// `["a", "b"]`, or `"a b"` in files of before 2024.
    private static func merge(_ element: JSONValue, _ index: Int, _ list: JSONCursor) throws(IsomerError) -> (String, String) {
        switch element {
        case .array(let halves):
            if halves.count == 2, case .string(let left) = halves[0], case .string(let right) = halves[1] { return (left, right) }
        case .string(let text):
            let halves = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
            if halves.count == 2 { return (String(halves[0]), String(halves[1])) }
        default: break
        }
        throw list.failure("merge \(index + 1) is not two tokens", found: element.kind)
    }
}

extension BytePairModel {
    /// Joins a vocabulary with merges. Throws `malformed` where a half or the whole of a merge is no token.
    ///
    /// A merge that stands twice keeps its later rank, as in the library.
    init(vocabulary: Vocabulary, merges: [(String, String)], prefix: String) throws(IsomerError) {
        var table = MergeTable(capacity: merges.count)
        var order: [(left: TokenID, right: TokenID)] = []
        order.reserveCapacity(merges.count)
        let prefixLength = prefix.utf8.count
        for (rank, (left, right)) in merges.enumerated() {
            let whole = Array(left.utf8) + right.utf8.dropFirst(prefixLength)
            guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right), let result = vocabulary.id(of: whole.span)
            else {
                throw IsomerError(
                    .malformed, "merge \(rank + 1) names a token that is not in the vocabulary", item: "\(left) \(right)")
            }
            guard table.insert(leftID, rightID, .init(rank: UInt32(rank), result: result)) else {
                throw IsomerError(.malformed, "merge \(rank + 1) stands twice", item: "\(left) \(right)")
            }
            order.append((leftID, rightID))
        }
        self.init(vocabulary: vocabulary, merges: table, order: order)
    }
}

extension UnigramEncoder {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let list = try cursor.required("vocab")
        guard case .array(let elements) = list.value else { throw list.failure("the field has the wrong type", expected: "an array") }
        var vocabulary = Vocabulary(capacity: elements.count)
        var scores: [Double] = []
        scores.reserveCapacity(elements.count)
        var written: [Int: Double] = [:]
        for (index, element) in elements.enumerated() {
            guard case .array(let pair) = element, pair.count == 2, case .string(let piece) = pair[0], case .number(let score) = pair[1],
                score.double.isFinite
            else { throw list.failure("piece \(index) is not a text and a score") }
            do throws(IsomerError) {
                try vocabulary.insert(piece, id: TokenID(index))
            } catch {
                throw error.inFile(cursor.path)
            }
            scores.append(score.serdeDouble)
            if scores[index] != score.double { written[index] = score.double }
        }
        let unknown = try cursor.optional("unk_id")?.integer(in: 0...max(0, elements.count - 1))
        guard !elements.isEmpty else { throw list.failure("the vocabulary is empty") }
        self.init(
            vocabulary: vocabulary, scores: scores, unknownID: unknown.map { TokenID($0) },
            fallsBackToBytes: try cursor.flag("byte_fallback", false))
        writtenScores = written
    }
}
