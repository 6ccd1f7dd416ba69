public import IsomerBytes

/// Words that stand for learned vectors (textual inversions), several vectors each.
///
/// A word with n vectors becomes n tokens, `word`, `word_1`, …, `word_{n-1}`, as diffusers names them, and is written out so in prompts.
public struct Placeholders: Sendable {
    /// One word.
    public struct Placeholder: Hashable, Sendable {
        /// What stands in prompts.
        public let word: String
        /// The tokens of its vectors, in order.
        public let ids: [TokenID]
    }

    /// In the order in which they were added.
    public private(set) var all: [Placeholder] = []

    public init() {}

    /// The words that were added to a tokenizer, in a folder that was saved with them too: `word`, `word_1`, … belong together.
    ///
    /// Reference: diffusers 0.42.1, loaders/textual_inversion.py `_maybe_convert_prompt`.
    public init(addedTo tokenizer: Tokenizer) {
        let added = tokenizer.addedTokens
        let ids = Dictionary(added.map { (ExactString($0.token.content), $0.id) }) { first, _ in first }
        all = added.map { token, id in
            var members = [id]
            while let next = ids[ExactString("\(token.content)_\(members.count)")] { members.append(next) }
            return Placeholder(word: token.content, ids: members)
        }
    }

    /// The names of the tokens of a word with `count` vectors.
    public static func tokens(of word: String, count: Int) -> [String] {
        [word] + (1..<max(1, count)).map { "\(word)_\($0)" }
    }

    /// Adds a word with `count` vectors to a tokenizer. Throws `usage` if one of its tokens is there already.
    @discardableResult
    public mutating func add(_ word: String, vectors count: Int, to tokenizer: inout Tokenizer) throws(IsomerError) -> Placeholder {
        guard count > 0, count <= 1_024 else {
            throw IsomerError(.usage, "a placeholder needs at least one vector", item: word, expected: "1 to 1024", found: "\(count)")
        }
        let names = Self.tokens(of: word, count: count)
        if let taken = names.first(where: { tokenizer.id(of: $0) != nil }) {
            throw IsomerError(.usage, "the tokenizer has a token of this name already", item: taken, remedy: "choose another word")
        }
        let placeholder = Placeholder(word: word, ids: try tokenizer.add(names.map { AddedToken($0) }))
        all.append(placeholder)
        return placeholder
    }

    /// A prompt with every placeholder written out as its tokens.
    public func expand(_ prompt: String) -> String {
        // Longer words first, so that one that begins like another is not taken for it.
        all.filter { $0.ids.count > 1 }.sorted { $0.word.utf8.count > $1.word.utf8.count }.reduce(prompt) { prompt, placeholder in
            prompt.replacing(placeholder.word, with: Self.tokens(of: placeholder.word, count: placeholder.ids.count).joined(separator: " "))
        }
    }

    /// How many tokens each placeholder has, by its first id.
    public var counts: [TokenID: Int] {
        Dictionary(all.compactMap { placeholder in placeholder.ids.first.map { ($0, placeholder.ids.count) } }) { first, _ in first }
    }
}
