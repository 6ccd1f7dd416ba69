internal import IsomerBytes

/// Rows of cells under each other.
///
/// Cells are escaped, so that names from files cannot steer the terminal. Where the lines would be longer than the terminal, the flexible
/// column is shortened; without a terminal nothing is, so that the output can be searched.
struct Table {
    /// How a column is set.
    struct Column {
        enum Alignment { case left, right }

        var title: String
        var alignment: Alignment
        /// Whether this column gives way when lines are too long.
        var isFlexible: Bool

        init(_ title: String, _ alignment: Alignment = .left, flexible: Bool = false) {
            self.title = title
            self.alignment = alignment
            isFlexible = flexible
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []
    private let indent: Int

    /// Titles that are all empty are not printed.
    init(_ columns: [Column], indent: Int = 0) {
        self.columns = columns
        self.indent = indent
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row. Missing cells are empty; cells beyond the last column are dropped.
    mutating func append(_ cells: [String]) {
        let escaped = cells.prefix(columns.count).map(escapedForDisplay)
        rows.append(escaped + Array(repeating: "", count: columns.count - escaped.count))
    }

    /// The table's lines, each with a line end.
    func render(columns limit: Int?) -> String {
        var lines = rows
        if columns.contains(where: { !$0.title.isEmpty }) { lines.insert(columns.map(\.title), at: 0) }
        var widths = columns.indices.map { column in lines.reduce(0) { max($0, displayWidth($1[column])) } }
        let gap = 2
        if let limit, let flexible = columns.firstIndex(where: \.isFlexible) {
            let total = indent + widths.reduce(0, +) + gap * (columns.count - 1)
            if total > limit {
                widths[flexible] = max(8, widths[flexible] - (total - limit))
                for row in lines.indices { lines[row][flexible] = shortened(lines[row][flexible], columns: widths[flexible]) }
            }
        }
        var result = ""
        for line in lines {
            var text = String(repeating: " ", count: indent)
            for (index, cell) in line.enumerated() {
                let padding = String(repeating: " ", count: max(0, widths[index] - displayWidth(cell)))
                text += columns[index].alignment == .left ? cell + padding : padding + cell
                if index + 1 < line.count { text += String(repeating: " ", count: gap) }
            }
            while text.last == " " { text.removeLast() }
            result += text + "\n"
        }
        return result
    }
}
