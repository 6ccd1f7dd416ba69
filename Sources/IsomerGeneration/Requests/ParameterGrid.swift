public import IsomerBytes

/// Requests that differ in one or two parameters, for a grid of images: the first parameter along the columns, the second down the rows.
public struct ParameterGrid: Hashable, Sendable {
    /// A parameter and the values that it takes.
    public struct Axis: Hashable, Sendable {
        /// What is set; `nil` replaces the first value, wherever it stands in the prompt and the negative prompt, with each of the values
        /// (A1111's "Prompt S/R").
        public let parameter: GenerationParameter?
        public let values: [String]

        public init(_ parameter: GenerationParameter?, _ values: [String]) {
            self.parameter = parameter
            self.values = values
        }
    }

    /// One image of the grid.
    public struct Cell: Hashable, Sendable {
        public let column: Int
        public let row: Int
        public let request: GenerationRequest
    }

    public let columns: Axis
    public let rows: Axis?
    /// Row by row.
    public let cells: [Cell]

    /// The most images that one grid is asked for.
    public static let mostCells = 10_000

    /// Checks every cell before anything is made.
    ///
    /// - Throws: `usage` for a value that is none, with the axis, and where there are too many cells, or none.
    public init(_ columns: Axis, _ rows: Axis? = nil, over base: GenerationRequest) throws(IsomerError) {
        self.columns = columns
        self.rows = rows
        guard columns.parameter != rows?.parameter || columns.parameter == nil || rows == nil else {
            throw IsomerError(.usage, "both axes of the grid are one parameter", found: columns.parameter?.rawValue ?? "")
        }
        let (count, overflows) = columns.values.count.multipliedReportingOverflow(by: rows?.values.count ?? 1)
        guard count > 0, !overflows, count <= Self.mostCells else {
            throw IsomerError(.usage, "the grid has too many images, or none", expected: "1 to \(Self.mostCells)", found: "\(count)")
        }
        var cells: [Cell] = []
        for row in 0..<(rows?.values.count ?? 1) {
            for column in columns.values.indices {
                var request = base
                try columns.set(column, &request)
                try rows?.set(row, &request)
                try request.check()
                cells.append(Cell(column: column, row: row, request: request))
            }
        }
        self.cells = cells
    }
}

extension ParameterGrid.Axis {
    /// The name of the axis that replaces words of the prompt.
    public static let replacementName = "prompt-sr"

    /// Reads `steps=10,20,30`: values with commas stand in quotes. Numbers may be ranges, as in A1111: `1-5`, `1-9 (+2)`, `10-2 (-4)`,
    /// `0-1 [5]` (so many, evenly).
    ///
    /// - Throws: `usage`.
    public init(parsing text: String) throws(IsomerError) {
        guard let equals = text.firstIndex(of: "=") else {
            throw IsomerError(.usage, "the axis of a grid has no values", expected: "parameter=value,value…", found: text)
        }
        let name = String(text[..<equals])
        let words = try Self.split(String(text[text.index(after: equals)...]))
        if name.lowercased() == Self.replacementName {
            self.init(nil, words)
            return
        }
        let parameter = try GenerationParameter(named: name)
        var values: [String] = []
        for word in words {
            values += try parameter.kind == .words ? [word] : Self.range(word, isInteger: parameter.kind == .integer) ?? [word]
            guard values.count <= ParameterGrid.mostCells else {
                throw IsomerError(
                    .usage, "the axis of the grid has too many values", expected: "at most \(ParameterGrid.mostCells)", found: word)
            }
        }
        self.init(parameter, values)
    }

    fileprivate func set(_ index: Int, _ request: inout GenerationRequest) throws(IsomerError) {
        let value = values[index]
        if let parameter {
            try parameter.apply(value, to: &request)
            return
        }
        guard let wanted = values.first, !wanted.isEmpty else { throw IsomerError(.usage, "there is nothing to be replaced") }
        let (prompt, negative) = (request.prompt, request.negativePrompt)
        guard Self.contains(prompt, wanted) || negative.map({ Self.contains($0, wanted) }) == true else {
            throw IsomerError(.usage, "the words to be replaced are not in the prompt", found: wanted)
        }
        request.prompt = Self.replaced(prompt, wanted, value)
        request.negativePrompt = negative.map { Self.replaced($0, wanted, value) }
    }

    private static func contains(_ text: String, _ words: String) -> Bool { replaced(text, words, words + " ") != text }

    private static func replaced(_ text: String, _ words: String, _ other: String) -> String {
        let (bytes, wanted) = (Array(text.utf8), Array(words.utf8))
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position...].starts(with: wanted) {
                result += other.utf8
                position += wanted.count
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Values between commas, without blanks at their ends; in quotes as they are.
    private static func split(_ text: String) throws(IsomerError) -> [String] {
        var values: [String] = []
        var value = ""
        var (isQuoted, wasQuoted) = (false, false)
        func end() {
            let trimmed = value.drop { $0 == " " }
            values.append(
                wasQuoted
                    ? value : String(trimmed.prefix(upTo: trimmed.lastIndex { $0 != " " }.map(trimmed.index(after:)) ?? trimmed.startIndex))
            )
            (value, wasQuoted) = ("", false)
        }
        for character in text {
            if character == "\"", isQuoted || value.allSatisfy({ $0 == " " }) {
                if !isQuoted { value = "" }
                isQuoted.toggle()
                wasQuoted = true
            } else if character == ",", !isQuoted {
                end()
            } else if isQuoted || !wasQuoted {
                value.append(character)
            } else if character != " " {
                throw IsomerError(.usage, "there is something between closing quotes and the next comma", found: text)
            }
        }
        guard !isQuoted else { throw IsomerError(.usage, "quotes are opened and not closed", found: text) }
        end()
        return values
    }

    /// The numbers of a range; nil if the word is none.
    ///
    /// Reference: AUTOMATIC1111 1.10, scripts/xyz_grid.py. A range that goes down ends where it says here, and two steps before there.
    private static func range(_ word: String, isInteger: Bool) throws(IsomerError) -> [String]? {
        var rest = word.filter { $0 != " " }[...]
        func number() -> Double? {
            let signed = rest.first == "-" || rest.first == "+"
            let digits = rest.dropFirst(signed ? 1 : 0).prefix { $0.isASCII && $0.isNumber || $0 == "." }
            guard !digits.isEmpty, let value = Double((signed ? rest.prefix(1) : "") + digits) else { return nil }
            rest = rest.dropFirst(digits.count + (signed ? 1 : 0))
            return value
        }
        guard let first = number(), rest.first == "-" else { return nil }
        rest = rest.dropFirst()
        guard let last = number() else { return nil }
        var values: [Double]
        switch rest.first {
        case "[":
            rest = rest.dropFirst()
            guard let count = number(), rest == "]", count >= 1, count <= Double(ParameterGrid.mostCells), let count = Int(exactly: count)
            else { return nil }
            values = (0..<count).map { count == 1 ? first : first + (last - first) * Double($0) / Double(count - 1) }
        case nil, "(":
            var step = last < first ? -1.0 : 1
            if rest.first == "(" {
                rest = rest.dropFirst()
                guard let wanted = number(), rest == ")" else { return nil }
                step = wanted
            }
            let count = ((last - first) / step + 1e-9).rounded(.down)
            guard step != 0, count >= 0, count < Double(ParameterGrid.mostCells) else {
                throw IsomerError(.usage, "the range of the grid's axis has too many values, or none", found: word)
            }
            values = (0...Int(count)).map { first + Double($0) * step }
        default: return nil
        }
        // Sums of steps are not exact; nobody means the fifteenth digit.
        values = values.map { ($0 * 1e10).rounded() / 1e10 }
        return values.map { value in
            let whole = Int(exactly: isInteger ? value.rounded(.towardZero) : value)
            return whole.map { "\($0)" } ?? "\(value)"
        }
    }
}
