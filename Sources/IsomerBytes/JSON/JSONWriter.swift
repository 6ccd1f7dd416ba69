/// Writes JSON, always the same text for the same value.
///
/// The styles are those of Python's `json.dumps`, because that is what diffusers, transformers and huggingface_hub write, and of Rust's
/// serde_json, which writes safetensors headers.
public struct JSONWriter: Hashable, Sendable {
    /// Where white space goes.
    public enum Style: Hashable, Sendable {
        /// None at all: `{"a":[1,2]}`. serde_json's, and Python's with `separators=(",", ":")`.
        case compact
        /// After commas and colons: `{"a": [1, 2]}`. Python's own.
        case spaced
        /// One member a line: Python's with `indent`.
        case pretty(indent: Int)
    }

    /// How numbers that were read are written.
    public enum Numbers: Hashable, Sendable {
        /// Digit by digit as they were.
        case asWritten
        /// As Python writes them after having read them: `1e-5` becomes `1e-05`.
        case asPython
    }

    /// Where white space goes.
    public var style: Style
    /// Whether members are sorted by the bytes of their keys, at every level; else they keep their order. Python's `sort_keys`.
    public var sortsKeys: Bool
    /// Whether everything beyond printable ASCII is escaped. Python's `ensure_ascii`, which is on unless told otherwise.
    public var escapesNonASCII: Bool
    /// How numbers that were read are written.
    public var numbers: Numbers

    public init(style: Style = .compact, sortsKeys: Bool = false, escapesNonASCII: Bool = false, numbers: Numbers = .asWritten) {
        self.style = style
        self.sortsKeys = sortsKeys
        self.escapesNonASCII = escapesNonASCII
        self.numbers = numbers
    }

    /// The text as UTF-8, without a line end after it.
    public func bytes(_ value: JSONValue) -> [UInt8] {
        var output: [UInt8] = []
        write(value, depth: 0, to: &output)
        return output
    }

    /// The text, without a line end after it.
    public func text(_ value: JSONValue) -> String {
        String(decoding: bytes(value), as: UTF8.self)
    }

    private func write(_ value: JSONValue, depth: Int, to output: inout [UInt8]) {
        switch value {
        case .null: output += "null".utf8
        case .bool(let truth): output += (truth ? "true" : "false").utf8
        case .number(let number): output += (numbers == .asPython ? number.pythonText : number.text).utf8
        case .string(let string): write(string, to: &output)
        case .array(let elements):
            enclose(elements, "[", "]", depth, &output) { element, output in write(element, depth: depth + 1, to: &output) }
        case .object(let object):
            let members = sortsKeys ? object.sorted { ExactString($0.key) < ExactString($1.key) } : Array(object)
            enclose(members, "{", "}", depth, &output) { member, output in
                write(member.key, to: &output)
                output += (style == .compact ? ":" : ": ").utf8
                write(member.value, depth: depth + 1, to: &output)
            }
        }
    }

    private func enclose<Item>(
        _ items: [Item], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ depth: Int, _ output: inout [UInt8],
        _ body: (Item, inout [UInt8]) -> Void
    ) {
        output.append(UInt8(ascii: open))
        for (index, item) in items.enumerated() {
            if index > 0 { output += (style == .spaced ? ", " : ",").utf8 }
            breakLine(depth + 1, &output)
            body(item, &output)
        }
        if !items.isEmpty { breakLine(depth, &output) }
        output.append(UInt8(ascii: close))
    }

    private func breakLine(_ depth: Int, _ output: inout [UInt8]) {
        guard case .pretty(let indent) = style else { return }
        output.append(0x0A)
        output.append(contentsOf: repeatElement(0x20, count: max(0, indent) * depth))
    }

    /// A string in quotes.
    public func write(_ string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\"".utf8
            case "\\": output += "\\\\".utf8
            case "\u{08}": output += "\\b".utf8
            case "\u{09}": output += "\\t".utf8
            case "\u{0A}": output += "\\n".utf8
            case "\u{0C}": output += "\\f".utf8
            case "\u{0D}": output += "\\r".utf8
            case "\u{20}"..."\u{7E}": output.append(UInt8(truncatingIfNeeded: scalar.value))
            case _ where scalar.value < 0x20 || escapesNonASCII: for unit in UTF16.encode(scalar) ?? .init() { escape(unit, to: &output) }
            default: output += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private func escape(_ unit: UInt16, to output: inout [UInt8]) {
        output += ("\\u" + unit.hexadecimal).utf8
    }
}
