internal import IsomerBytes

/// What a command says to people: a heading, labelled lines under each other, tables, lists.
///
/// Text is put in by `…` functions that escape what came from files; the finished string holds no control characters but line ends and,
/// on a terminal that shows colours, the codes for bold and dim that this type sets itself.
struct Report {
    private(set) var text = ""
    private let terminal: Terminal?
    private var pending: [(label: String, value: String)] = []

    init(for terminal: Terminal?) {
        self.terminal = terminal
    }

    /// A line that stands out.
    mutating func heading(_ line: String) {
        flush()
        text += styled(escapedForDisplay(line), "1") + "\n"
    }

    /// A line on its own.
    mutating func line(_ line: String = "", indent: Int = 0) {
        flush()
        text += String(repeating: " ", count: indent) + escapedForDisplay(line) + "\n"
    }

    /// A labelled value. Neighbouring ones are set under each other.
    mutating func field(_ label: String, _ value: String) {
        pending.append((label, value))
    }

    /// A list with a label of its own.
    mutating func list(_ label: String, _ items: [String], limit: Int = .max) {
        guard !items.isEmpty else { return }
        flush()
        text += styled(escapedForDisplay(label), "1") + "\n"
        for item in items.prefix(limit) { text += "  " + escapedForDisplay(item) + "\n" }
        if items.count > limit { text += styled("  and \(Numbers.grouped(items.count - limit)) more", "2") + "\n" }
    }

    /// A table.
    mutating func table(_ table: Table) {
        flush()
        text += table.render(columns: terminal?.columns)
    }

    /// Everything so far.
    mutating func finish() -> String {
        flush()
        return text
    }

    private mutating func flush() {
        guard !pending.isEmpty else { return }
        let width = pending.reduce(0) { max($0, displayWidth(escapedForDisplay($1.label))) }
        for (label, value) in pending {
            let label = escapedForDisplay(label)
            let padding = String(repeating: " ", count: width - displayWidth(label) + 2)
            text += "  " + styled(label, "2") + padding + escapedForDisplay(value) + "\n"
        }
        pending = []
    }

    private func styled(_ text: String, _ code: String) -> String {
        terminal?.showsColor == true ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
