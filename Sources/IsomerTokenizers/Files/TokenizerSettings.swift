internal import IsomerBytes

/// What `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say that a vocabulary does not.
struct TokenizerSettings: Sendable {
    private(set) var window: Int?
    private(set) var padding: String?
    private(set) var lowercases = true
    private(set) var addsPrefixSpace = false
    private(set) var added: [(token: AddedToken, id: TokenID)] = []

    /// How CLIP pads by these files.
    var clipPadding: CLIPPadding { padding?.utf8.elementsEqual(CLIPPadding.exclamation.token.utf8) == true ? .exclamation : .endOfText }

    /// Longer windows than any text encoder's stand for none: transformers writes 10^30 where it does not know.
    private static let longestWindow = 1 << 24

    init(_ store: TokenizerStore) throws(IsomerError) {
        if let config = try store.json("tokenizer_config.json") {
            if let length = try config.optional("model_max_length"), case .number(let number) = length.value,
                let count = number.integer(as: Int.self), 1...Self.longestWindow ~= count
            {
                window = count
            }
            padding = try Self.token(try config.optional("pad_token"))?.content
            if let field = try config.optional("do_lower_case") { lowercases = try field.bool() }
            if let field = try config.optional("add_prefix_space") { addsPrefixSpace = try field.bool() }
            if let tokens = try config.optional("added_tokens_decoder") {
                for (key, value) in try tokens.members() {
                    guard let id = TokenID(key), let token = try Self.token(value) else {
                        throw value.failure("an added token's id is not a number", found: key)
                    }
                    added.append((token, id))
                }
            }
        }
        if let map = try store.json("special_tokens_map.json") {
            padding = try Self.token(try map.optional("pad_token"))?.content ?? padding
        }
        if let tokens = try store.json("added_tokens.json") {
            for (content, id) in try tokens.members() where !added.contains(where: { $0.token.content.utf8.elementsEqual(content.utf8) }) {
                added.append((AddedToken(content), TokenID(try id.integer(in: 0...Int(Vocabulary.largestID)))))
            }
        }
        added.sort { $0.id < $1.id }
    }

    /// A token as a text or as an object.
    private static func token(_ cursor: JSONCursor?) throws(IsomerError) -> AddedToken? {
        guard let cursor else { return nil }
        if case .string(let text) = cursor.value { return AddedToken(text, isSpecial: true) }
        return try AddedToken(cursor)
    }
}
