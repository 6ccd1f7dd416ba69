internal import IsomerBytes
internal import IsomerTokenizers

/// A prompt's tokens, how many there are, and where the text encoder would stop reading.
struct PromptAnalysis {
    private let prompt: String
    private let encoding: Encoding
    private let window: Int?
    /// The byte of the prompt at which the first token that does not fit begins.
    private let cut: Int?
    /// Whether it is known what of the prompt each token covers.
    private let hasOffsets: Bool

    /// With the ids of an implementation that gives no offsets.
    init(_ prompt: String, _ tokenizer: SimpleCLIPTokenizer, window: Int?) {
        self.prompt = prompt
        self.window = window
        cut = nil
        hasOffsets = false
        encoding = tokenizer.encoding(prompt)
    }

    init(_ prompt: String, _ tokenizer: Tokenizer, window: Int?) throws(IsomerError) {
        self.prompt = prompt
        self.window = window
        hasOffsets = true
        let encoding = try tokenizer.encode(prompt)
        self.encoding = encoding
        let marks = encoding.isSpecial.count { $0 }
        let content = encoding.ids.indices.filter { !encoding.isSpecial[$0] }
        if let window, encoding.ids.count > window {
            let first = content.dropFirst(max(0, window - marks)).first
            cut = first.map { encoding.offsets[$0].lowerBound }
        } else {
            cut = nil
        }
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading(prompt)
        let of = window.map { " of \(Numbers.grouped($0))" } ?? ""
        report.line("\(Numbers.grouped(encoding.ids.count)) tokens\(of)", indent: 2)
        if let cut {
            report.line("too long: the text encoder would not see \"\(tail(from: cut))\"", indent: 2)
        }
        if !hasOffsets {
            if let window, encoding.ids.count > window {
                report.line(
                    "too long: the text encoder would not see the last \(Numbers.count(encoding.ids.count - window, "token"))", indent: 2)
            }
            var table = Table([.init("id", .right), .init("token", flexible: true)], indent: 2)
            for index in encoding.ids.indices { table.append(["\(encoding.ids[index])", encoding.pieces[index]]) }
            report.table(table)
            return report.finish()
        }
        var table = Table(
            [.init("id", .right), .init("bytes", .right), .init("token", flexible: true), .init("text", flexible: true)], indent: 2)
        for index in encoding.ids.indices {
            let range = encoding.offsets[index]
            table.append([
                "\(encoding.ids[index])", encoding.isSpecial[index] ? "" : "\(range.lowerBound)–\(range.upperBound)",
                encoding.pieces[index],
                encoding.isSpecial[index] ? "" : slice(range),
            ])
        }
        report.table(table)
        return report.finish()
    }

    var json: JSONValue {
        let tokens: [JSONValue] = encoding.ids.indices.map { index in
            [
                "id": .integer(encoding.ids[index]), "token": .string(encoding.pieces[index]),
                "start": hasOffsets ? .integer(encoding.offsets[index].lowerBound) : .null,
                "end": hasOffsets ? .integer(encoding.offsets[index].upperBound) : .null,
                "special": .bool(encoding.isSpecial[index]),
            ]
        }
        return [
            "text": .string(prompt), "count": .integer(encoding.ids.count),
            "fits": window.map { .bool(encoding.ids.count <= $0) } ?? .null, "cut": cut.map { .integer($0) } ?? .null,
            "tokens": .array(tokens),
        ]
    }

    private func slice(_ range: Range<Int>) -> String {
        let bytes = Array(prompt.utf8)
        guard range.upperBound <= bytes.count else { return "" }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    private func tail(from cut: Int) -> String {
        let tail = slice(min(cut, prompt.utf8.count)..<prompt.utf8.count)
        return tail.count > 60 ? String(tail.prefix(59)) + "…" : tail
    }
}
