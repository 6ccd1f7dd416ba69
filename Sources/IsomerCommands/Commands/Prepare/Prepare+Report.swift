internal import IsomerBytes
internal import IsomerImages

/// What `prepare` says on standard output. Pictures are told of one by one as they come, so that a million of them need no memory.
struct PreparationOutput {
    private let environment: CommandEnvironment
    private let isJSON: Bool
    private let listsPictures: Bool
    private var isOpen = false

    init(_ environment: CommandEnvironment, isJSON: Bool, listsPictures: Bool) {
        self.environment = environment
        self.isJSON = isJSON
        self.listsPictures = listsPictures
    }

    /// The record of the next input.
    mutating func add(_ record: JSONValue, _ bar: ProgressBar) {
        if isJSON {
            environment.writeOutput(opening + Self.indented(record))
            isOpen = true
        } else if listsPictures {
            var report = Report(for: environment.outputTerminal)
            Self.describe(record, in: &report)
            bar.clear()
            environment.writeOutput(report.finish())
            isOpen = true
        }
    }

    /// What comes before the next record.
    private var opening: String { isOpen ? ",\n" : "{\n  \"schema\": \"isomer.prepare/1\",\n  \"pictures\": [\n" }

    /// Two levels deep in the whole.
    private static func indented(_ record: JSONValue) -> String {
        "    " + JSONWriter(style: .pretty(indent: 2)).text(record).replacing("\n", with: "\n    ")
    }

    /// Ends the JSON of a batch that was stopped, so that what stands there can be read.
    func abandon() {
        if isJSON, isOpen { environment.writeOutput("\n  ]\n}\n") }
    }

    func finish(_ summary: PreparationSummary, _ tokens: CaptionTokens?) {
        guard isJSON else { return tell(summary, tokens) }
        let rest = JSONWriter(style: .pretty(indent: 2)).text(Self.json(summary, tokens))
        // The records have the object begun already.
        environment.writeOutput((isOpen ? "\n  ]" : opening + "  ]") + "," + rest.dropFirst() + "\n")
    }

    private func tell(_ summary: PreparationSummary, _ tokens: CaptionTokens?) {
        var report = Report(for: environment.outputTerminal)
        if isOpen { report.line() }
        report.heading(listsPictures ? "Nothing was written" : "Prepared \(Numbers.count(summary.prepared, "picture"))")
        report.field("inputs", Numbers.grouped(summary.inputs))
        if summary.unchanged > 0 { report.field("unchanged", Numbers.grouped(summary.unchanged)) }
        if summary.leftOut > 0 { report.field("left out", Numbers.grouped(summary.leftOut)) }
        if summary.duplicates > 0 { report.field("duplicates", Numbers.grouped(summary.duplicates)) }
        if summary.failed > 0 { report.field("failed", Numbers.grouped(summary.failed)) }
        if summary.gone > 0 {
            report.field("gone", "\(Numbers.count(summary.gone, "input")) of the run before; what was made of them is still there")
        }
        report.field("files", "\(Numbers.grouped(summary.pictures)), \(Numbers.bytes(summary.bytesWritten)) written")
        let sizes = summary.sizes.sorted { ($1.value, $0.key.width, $0.key.height) < ($0.value, $1.key.width, $1.key.height) }
        if sizes.count > 1 {
            var table = Table([.init("size", .right), .init("pictures", .right)])
            for (size, count) in sizes { table.append([size.description, Numbers.grouped(count)]) }
            report.table(table)
        }
        tokens?.tell(in: &report)
        report.list(
            "These look alike", summary.resemblances.map { escapedForDisplay("\($0.name) and \($0.earlier)") }, limit: 20)
        environment.writeOutput(report.finish())
    }

    /// One line for each input of a dry run: what would come out of it, and why there.
    private static func describe(_ record: JSONValue, in report: inout Report) {
        guard case .string(let name)? = record["input"], case .string(let status)? = record["status"] else { return }
        guard status == "prepared", case .array(let outputs)? = record["outputs"] else {
            if case .string(let reason)? = record["reason"] {
                report.line(escapedForDisplay("\(name): \(status): \(reason)"))
            } else {
                report.line(escapedForDisplay("\(name): \(status)"))
            }
            return
        }
        for output in outputs {
            guard case .string(let file)? = output["file"], case .number(let width)? = output["width"],
                case .number(let height)? = output["height"],
                case .string(let reason)? = output["reason"], case .array(let crop)? = output["crop"]
            else { continue }
            let sides = crop.map { if case .number(let number) = $0 { Numbers.significant(number.double, 5) } else { "?" } }
            report.line(
                escapedForDisplay("\(name) -> \(file) \(width.text)x\(height.text) from \(sides.joined(separator: ",")): \(reason)"))
        }
    }

    private static func json(_ summary: PreparationSummary, _ tokens: CaptionTokens?) -> JSONValue {
        var sizes = JSONObject()
        for (size, count) in summary.sizes.sorted(by: { ($0.key.width, $0.key.height) < ($1.key.width, $1.key.height) }) {
            sizes[size.description] = .integer(count)
        }
        var result: JSONObject = [
            "inputs": .integer(summary.inputs), "prepared": .integer(summary.prepared),
            "unchanged": .integer(summary.unchanged), "leftOut": .integer(summary.leftOut), "duplicates": .integer(summary.duplicates),
            "failed": .integer(summary.failed), "gone": .integer(summary.gone), "files": .integer(summary.pictures),
            "bytesWritten": .integer(summary.bytesWritten),
            "sizes": .object(sizes),
            "alike": .array(summary.resemblances.map { ["input": .string($0.name), "earlier": .string($0.earlier)] }),
        ]
        result["captionTokens"] = tokens?.json
        return .object(result)
    }
}
