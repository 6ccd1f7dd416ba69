internal import IsomerBytes

/// An element of an XML document, as far as OpenCV's cascade files use XML: elements, text, comments and one declaration.
///
/// Anything else (document types, entities beyond the five, processing instructions) is refused, so no input can grow while it is read.
struct XMLElement {
    var name: String
    var attributes: [String: String] = [:]
    /// All text directly inside.
    var text = ""
    var children: [XMLElement] = []

    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text as numbers; nil if any word is none.
    func numbers() -> [Double]? {
        let words = text.split { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r\n" || $0 == "\r" }
        var values: [Double] = []
        for word in words {
            guard let value = Double(word), value.isFinite else { return nil }
            values.append(value)
        }
        return values
    }

    /// The root element. Throws `malformed` with the place of the first byte that does not fit.
    static func parse(_ bytes: [UInt8]) throws(IsomerError) -> XMLElement {
        var parser = XMLParser(bytes)
        return try parser.document()
    }
}

private struct XMLParser {
    private let bytes: [UInt8]
    private var position = 0
    private let deepest = 32

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(IsomerError) -> XMLElement {
        if begins("<?xml") { try skip(past: "?>") }
        // Elements that are open, outermost first: depth is bounded, and nothing recurses.
        var open: [XMLElement] = []
        while true {
            let text = readText()
            if let last = open.indices.last {
                open[last].text += text
            } else if !text.allSatisfy({ $0.isWhitespace }) {
                throw failure("text outside of the root element")
            }
            guard position < bytes.count else { throw failure("the document ends inside an element") }
            if begins("<!--") {
                try skip(past: "-->")
            } else if begins("</") {
                position += 2
                let name = readName()
                guard let element = open.popLast(), element.name == name else {
                    throw failure("the closing tag \"\(name)\" closes nothing")
                }
                skipSpace()
                try expect(">")
                if open.isEmpty { return element }
                open[open.count - 1].children.append(element)
            } else {
                try expect("<")
                let name = readName()
                guard !name.isEmpty else { throw failure("a tag without a name") }
                var element = XMLElement(name: name)
                element.attributes = try attributes()
                if begins("/>") {
                    position += 2
                    guard let last = open.indices.last else { return element }
                    open[last].children.append(element)
                } else {
                    try expect(">")
                    guard open.count < deepest else { throw failure("elements are nested too deeply") }
                    open.append(element)
                }
            }
        }
    }

    private mutating func attributes() throws(IsomerError) -> [String: String] {
        var result: [String: String] = [:]
        skipSpace()
        while position < bytes.count, bytes[position] != UInt8(ascii: ">"), !begins("/>") {
            let name = readName()
            guard !name.isEmpty else { throw failure("an attribute without a name") }
            try expect("=")
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "'") else {
                throw failure("an attribute without quotes")
            }
            let quote = bytes[position]
            guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { throw failure("an attribute without an end") }
            result[name] = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
            position = end + 1
            skipSpace()
        }
        return result
    }

    private mutating func readText() -> String {
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func readName() -> String {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
                position += 1
                continue
            default: return String(decoding: bytes[start..<position], as: UTF8.self)
            }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func skip(past end: String) throws(IsomerError) {
        let mark = Array(end.utf8)
        while position < bytes.count {
            if begins(end) {
                position += mark.count
                return
            }
            position += 1
        }
        throw failure("the document ends before \"\(end)\"")
    }

    private mutating func expect(_ text: String) throws(IsomerError) {
        guard begins(text) else { throw failure("\"\(text)\" is missing") }
        position += text.utf8.count
    }

    private func begins(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private func failure(_ what: String) -> IsomerError {
        IsomerError(.malformed, "this is not the XML of a cascade: \(what)", byteOffset: UInt64(position))
    }
}
