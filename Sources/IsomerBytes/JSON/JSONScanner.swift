/// Reads JSON text token by token, without recursion and without building anything.
///
/// The scanner enforces the whole grammar of RFC 8259 (commas, colons, nesting, numbers, strings, UTF-8), so its user only looks at
/// tokens. It does not remember keys: refusing duplicates is for whoever collects them. Errors name the byte.
///
///     text    = white* value white*
///     value   = object | array | string | number | "true" | "false" | "null"
///     object  = "{" [ string ":" value *( "," string ":" value ) ] "}"
///     array   = "[" [ value *( "," value ) ] "]"
///     white   = space | tab | line feed | carriage return
public struct JSONScanner: Sendable {
    /// What was read. After `key`, `string` and `number` the scanner holds the token's text until the next call.
    public enum Token: Hashable, Sendable {
        case beginObject, endObject, beginArray, endArray
        /// A member's name; its value comes next.
        case key
        case string, number
        case bool(Bool)
        case null
        /// The text is over; comes again and again.
        case end
    }

    enum Expectation {
        case value, valueOrEndOfArray, key, keyOrEndOfObject, commaOrEnd, endOfText
    }

    let bytes: [UInt8]
    let base: UInt64
    let dialect: JSONDialect
    let maximumDepth: Int
    var position = 0
    /// For each open container, outermost first, whether it is an object.
    var containers: [Bool] = []
    var expectation = Expectation.value
    /// Where the last token's text lies in the bytes: between the quotes for a string, all of it for a number.
    public internal(set) var tokenRange = 0..<0
    /// Whether the last string has escapes, so that its text is not its bytes.
    public internal(set) var tokenHasEscapes = false
    /// Where the last token starts, in the file.
    public private(set) var tokenOffset: UInt64

    /// - Parameters:
    ///   - bytes: the whole text.
    ///   - base: where the text starts in its file, for errors.
    ///   - limits: `jsonDepth` is enforced here.
    public init(_ bytes: [UInt8], base: UInt64 = 0, dialect: JSONDialect = .strict, limits: Limits = Limits()) {
        self.bytes = bytes
        self.base = base
        self.dialect = dialect
        self.maximumDepth = limits.jsonDepth
        self.tokenOffset = base
    }

    /// How many containers are open.
    public var depth: Int { containers.count }

    /// The offset in the file of the next byte to be read.
    public var fileOffset: UInt64 { base + UInt64(position) }

    /// The next token.
    public mutating func next() throws(IsomerError) -> Token {
        if position == 0 { try refuseByteOrderMark() }
        skipWhiteSpace()
        if case .commaOrEnd = expectation, position < bytes.count, bytes[position] == UInt8(ascii: ",") {
            position += 1
            expectation = containers.last == true ? .key : .value
            skipWhiteSpace()
        }
        tokenOffset = fileOffset
        guard position < bytes.count else {
            guard case .endOfText = expectation else { throw unexpected() }
            return .end
        }
        switch expectation {
        case .value, .valueOrEndOfArray: return try value(bytes[position])
        case .key, .keyOrEndOfObject: return try key(bytes[position])
        case .commaOrEnd: return try close(bytes[position])
        case .endOfText: throw unexpected()
        }
    }

    /// Skips one whole value, checking it like any other.
    public mutating func skipValue() throws(IsomerError) {
        let outside = depth
        repeat {
            if case .end = try next() { return }
        } while depth > outside
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func value(_ first: UInt8) throws(IsomerError) -> Token {
        switch first {
        case UInt8(ascii: "\""):
            try scanString()
            expectation = afterValue
            return .string
        case UInt8(ascii: "{"):
            try open(isObject: true)
            return .beginObject
        case UInt8(ascii: "["):
            try open(isObject: false)
            return .beginArray
        case UInt8(ascii: "]"):
            guard case .valueOrEndOfArray = expectation else { throw unexpected() }
            return try close(first)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try scanNumber()
            expectation = afterValue
            return .number
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N") where dialect == .python: return try word("NaN", .number)
        case UInt8(ascii: "I") where dialect == .python: return try word("Infinity", .number)
        default: throw unexpected()
        }
    }

    private mutating func key(_ first: UInt8) throws(IsomerError) -> Token {
        if first == UInt8(ascii: "}"), case .keyOrEndOfObject = expectation { return try close(first) }
        guard first == UInt8(ascii: "\"") else { throw unexpected() }
        try scanString()
        skipWhiteSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else { throw unexpected("a colon") }
        position += 1
        expectation = .value
        return .key
    }

    private mutating func open(isObject: Bool) throws(IsomerError) {
        guard containers.count < maximumDepth else {
            throw IsomerError(
                .limitExceeded, "the JSON text is nested too deeply", byteOffset: fileOffset, expected: "at most \(maximumDepth) levels")
        }
        containers.append(isObject)
        expectation = isObject ? .keyOrEndOfObject : .valueOrEndOfArray
        position += 1
    }

    private mutating func close(_ byte: UInt8) throws(IsomerError) -> Token {
        switch (byte, containers.last) {
        case (UInt8(ascii: "}"), true), (UInt8(ascii: "]"), false):
            let isObject = containers.removeLast()
            position += 1
            expectation = afterValue
            return isObject ? .endObject : .endArray
        default: throw unexpected()
        }
    }

    private mutating func word(_ word: StaticString, _ token: Token) throws(IsomerError) -> Token {
        let end = position + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { end <= bytes.count && bytes[position..<end].elementsEqual($0) }
        guard matches else { throw unexpected() }
        tokenRange = position..<end
        tokenHasEscapes = false
        position = end
        expectation = afterValue
        return token
    }

    private var afterValue: Expectation { containers.isEmpty ? .endOfText : .commaOrEnd }
}
