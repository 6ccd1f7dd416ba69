public import IsomerBytes

/// A token's number: the row of the text encoder's embedding table.
public typealias TokenID = UInt32

/// Tokens and their numbers, both ways.
///
/// Tokens are kept as the UTF-8 bytes of the text that stands in vocabulary files. Looking one up, either way, costs O(its length).
/// Tokens and ids are unique; ids may have gaps until `checkGaps` is asked.
public struct Vocabulary: Sendable {
    /// No published vocabulary comes near; a file with a larger id would make embedding tables that nobody has.
    public static let largestID: TokenID = (1 << 24) - 1

    private var tokens: ByteStringTable
    private var ids: [TokenID] = []
    /// The number in `tokens` of each id, or `none`.
    private var numbers: [UInt32] = []

    private static let none = UInt32.max

    /// An empty vocabulary with room for `capacity` tokens.
    public init(capacity: Int = 0) {
        tokens = ByteStringTable(capacity: capacity, textCapacity: capacity * 8)
        ids.reserveCapacity(capacity)
        numbers.reserveCapacity(capacity)
    }

    /// How many tokens there are.
    public var count: Int { ids.count }

    /// One more than the largest id: the rows an embedding table needs.
    public var idBound: Int { numbers.count }

    /// The id of a token given as UTF-8, or `nil`.
    public func id(of token: Span<UInt8>) -> TokenID? {
        tokens.find(token).map { ids[$0] }
    }

    /// The id of a token, or `nil`.
    public func id(of token: String) -> TokenID? {
        id(of: Array(token.utf8).span)
    }

    /// The UTF-8 bytes of the token with this id, or `nil`.
    public func bytes(of id: TokenID) -> ArraySlice<UInt8>? {
        guard id < numbers.count, numbers[Int(id)] != Self.none else { return nil }
        return tokens[Int(numbers[Int(id)])]
    }

    /// Appends the UTF-8 bytes of the token with this id, if there is one.
    func append(_ id: TokenID, to text: inout [UInt8]) {
        guard id < numbers.count, numbers[Int(id)] != Self.none else { return }
        tokens.append(Int(numbers[Int(id)]), to: &text)
    }

    /// The text of the token with this id, or `nil`.
    public func token(_ id: TokenID) -> String? {
        bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
    }

    /// All ids, in the order in which their tokens were added.
    public var allIDs: [TokenID] { ids }

    /// Adds a token. Throws `malformed` if the token or its id is there already, `limitExceeded` if the id is beyond reason.
    public mutating func insert(_ token: Span<UInt8>, id: TokenID) throws(IsomerError) {
        guard id <= Self.largestID, tokens.hasRoom(for: token.count) else {
            throw IsomerError(
                .limitExceeded, "a token's id is larger than any vocabulary's", item: String(decoding: token),
                expected: "at most \(Self.largestID)", found: "\(id)")
        }
        if let other = self.token(id) {
            throw IsomerError(.malformed, "two tokens have the id \(id)", item: String(decoding: token), found: "the other is \"\(other)\"")
        }
        guard let number = tokens.insert(token) else {
            throw IsomerError(
                .malformed, "a token stands twice in the vocabulary", item: String(decoding: token),
                found: "ids \(self.id(of: token).map(String.init) ?? "") and \(id)")
        }
        if id > numbers.count { numbers.append(contentsOf: repeatElement(Self.none, count: Int(id) - numbers.count)) }
        if id == numbers.count { numbers.append(UInt32(number)) } else { numbers[Int(id)] = UInt32(number) }
        ids.append(id)
    }

    /// Adds a token. Throws `malformed` if the token or its id is there already, `limitExceeded` if the id is beyond reason.
    public mutating func insert(_ token: String, id: TokenID) throws(IsomerError) {
        try insert(Array(token.utf8).span, id: id)
    }

    /// Throws `malformed` if an id between 0 and the largest belongs to no token.
    public func checkGaps() throws(IsomerError) {
        guard let gap = numbers.firstIndex(of: Self.none) else { return }
        throw IsomerError(
            .malformed, "no token has the id \(gap)", expected: "ids 0 to \(idBound - 1) without gaps", found: "\(count) tokens",
            remedy: "a file of added tokens may be missing")
    }
}
