import IsomerBytes
import Testing

@testable import IsomerTokenizers

/// The files of `Fixtures/tokenizers`.
enum Fixture {
    static let folder = Fixtures["tokenizers"]

    /// A gzip file, decompressed.
    static func bytes(_ name: String) throws -> [UInt8] {
        try Fixtures.unpacked("tokenizers/" + name)
    }

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: try bytes(name))
    }

    /// The hard strings that all cases are about, in order.
    static let strings: Result<[String], any Error> = Result {
        try JSONCursor(json("strings.json")).elements().map { try $0.string() }
    }

    /// What the reference makes of the string of the same position.
    struct Case: Sendable {
        let text: String
        let ids: [TokenID]
        /// In Unicode scalars; missing where the reference gives none.
        let offsets: [Range<Int>]?
        let decoded: [String]
    }

    /// Rows of ids, offsets one after another, decoded text with and without special tokens.
    static func cases(_ name: String) throws -> [Case] {
        let rows = try JSONCursor(json(name)).elements()
        return try zip(strings.get(), rows).map { text, row in
            let fields = try row.elements()
            let numbers = try fields[1].elements().map { try $0.integer() }
            return Case(
                text: text, ids: try fields[0].elements().map { TokenID(try $0.integer()) },
                offsets: stride(from: 0, to: numbers.count, by: 2).map { numbers[$0]..<max(numbers[$0], numbers[$0 + 1]) },
                decoded: try fields.dropFirst(2).map { try $0.string() })
        }
    }
}

/// Collects differences, so that one failure names the first few and says how many there are.
struct Differences {
    private var messages: [String] = []
    private var count = 0

    mutating func add(_ message: @autoclosure () -> String) {
        count += 1
        if messages.count < 5 { messages.append(message()) }
    }

    func expectNone(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(count == 0, "\(what): \(count) differ\n\(messages.joined(separator: "\n"))", sourceLocation: sourceLocation)
    }
}
