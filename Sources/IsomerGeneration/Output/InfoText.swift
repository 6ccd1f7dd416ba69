/// What A1111 writes into its images under `parameters`: the prompt, the negative prompt, and a line of fields.
///
/// Grammar: lines of the prompt; `Negative prompt: ` and its lines, if there is one; then `name: value, name: value …` on the last line, which
/// is one if at least three fields are in it. Values with a comma, a colon or a line end stand in quotes, as JSON strings.
///
/// Reference: AUTOMATIC1111 1.10, modules/infotext_utils.py `parse_generation_parameters`, `quote`, `unquote`; modules/processing.py
/// `create_infotext`.
public struct InfoText: Hashable, Sendable {
    /// One field.
    public struct Field: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public var prompt: String
    public var negativePrompt: String
    /// In the order in which they are written.
    public var fields: [Field]

    public init(prompt: String, negativePrompt: String = "", fields: [Field] = []) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.fields = fields
    }

    /// The keyword under which a PNG file holds it.
    public static let keyword = "parameters"
    private static let negativeMark = "Negative prompt:"
    /// Fewer fields than this are words of the prompt with colons in them.
    private static let fewestFields = 3

    /// The value of the first field of that name.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Reads a text, whatever it is: what is no field is the prompt. Its time grows with the text's length.
    public init(parsing text: String) {
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Self.trimmed(Array($0)) }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        while lines.last?.isEmpty == true { lines.removeLast() }
        var fields: [Field] = []
        if let last = lines.last {
            fields = Self.fields(of: last)
            if fields.count >= Self.fewestFields { lines.removeLast() } else { fields = [] }
        }
        self.fields = fields
        var prompt: [[UInt8]] = []
        var negative: [[UInt8]]?
        for line in lines {
            if line.starts(with: Self.negativeMark.utf8) {
                negative = (negative ?? []) + [Self.trimmed(Array(line.dropFirst(Self.negativeMark.utf8.count)))]
            } else if negative != nil {
                negative?.append(line)
            } else {
                prompt.append(line)
            }
        }
        self.prompt = Self.joined(prompt)
        negativePrompt = Self.joined(negative ?? [])
    }

    /// The text, which reads back as the same value if the prompts have no lines like the others' and no blanks at the ends of lines.
    public var text: String {
        var lines = prompt.isEmpty ? [] : [prompt]
        if !negativePrompt.isEmpty { lines.append("\(Self.negativeMark) \(negativePrompt)") }
        if !fields.isEmpty { lines.append(fields.map { "\($0.name): \(Self.quoted($0.value))" }.joined(separator: ", ")) }
        return lines.joined(separator: "\n")
    }
}

extension InfoText {
    /// Empty lines at the beginning are left out, as A1111 does.
    private static func joined(_ lines: [[UInt8]]) -> String {
        String(decoding: Array(lines.drop(while: \.isEmpty).joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let start = bytes.drop(while: isBlank)
        return Array(start.prefix((start.lastIndex { !isBlank($0) } ?? start.startIndex - 1) - start.startIndex + 1))
    }

    /// Letters, digits and the underscore; beyond ASCII everything.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    /// All `name: value` in a line, the way `\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)` finds them one after another.
    private static func fields(of line: [UInt8]) -> [Field] {
        var fields: [Field] = []
        var position = 0
        while position < line.count {
            guard isWord(line[position]) else {
                position += 1
                continue
            }
            let end = line[position...].firstIndex { !(isWord($0) || $0 == 0x20 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "/")) }
            guard let end, line[end] == UInt8(ascii: ":"), end - position > 1 else {
                // No name can begin within these: they all run into the same character.
                position = max(end ?? line.count, position + 1)
                continue
            }
            let name = String(decoding: line[position..<end], as: UTF8.self)
            let start = line[(end + 1)...].firstIndex { !isBlank($0) } ?? line.count
            if let closing = closingQuote(line, from: start) {
                fields.append(Field(name, unquoted(String(decoding: line[start...closing], as: UTF8.self))))
                position = closing + 2
            } else {
                let stop = line[start...].firstIndex(of: UInt8(ascii: ",")) ?? line.count
                fields.append(Field(name, unquoted(String(decoding: line[start..<stop], as: UTF8.self))))
                position = stop + 1
            }
        }
        return fields
    }

    /// Where the quotes that open at `start` close, if they do and a comma or the line's end follows.
    private static func closingQuote(_ line: [UInt8], from start: Int) -> Int? {
        guard start < line.count, line[start] == UInt8(ascii: "\"") else { return nil }
        var position = start + 1
        while position < line.count, line[position] != UInt8(ascii: "\"") { position += line[position] == UInt8(ascii: "\\") ? 2 : 1 }
        guard position < line.count, position > start + 1 else { return nil }
        return position + 1 == line.count || line[position + 1] == UInt8(ascii: ",") ? position : nil
    }
}
