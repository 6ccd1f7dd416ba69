internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerTensors

/// What `inspect` prints.
struct InspectReport {
    private let subject: InspectedModel
    private let listed: [Int]?
    private let survey: TensorSurvey?

    init(_ subject: InspectedModel, listed: [Int]?, survey: TensorSurvey?) {
        self.subject = subject
        self.listed = listed
        self.survey = survey
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading(subject.path.string)
        report.field("format", subject.format)
        report.field("size", Numbers.bytes(subject.byteCount))
        report.field("tensors", Numbers.grouped(subject.tensors.tensors.count))
        report.field("parameters", Numbers.count(subject.elementCount))
        report.field(
            "types",
            subject.types.map { "\($0.type.rawValue) (\(Numbers.count($0.tensors, "tensor")), \(Numbers.bytes($0.bytes)))" }
                .joined(separator: ", "))
        if !subject.summary.packing.isEmpty {
            report.field(
                "stored as",
                subject.summary.packing.map {
                    "\($0.title) (\(Numbers.count($0.count, "weight")), read as \($0.scalarType.rawValue))"
                }.joined(separator: ", "))
        }
        addModel(to: &report)
        report.list(
            "metadata",
            subject.tensors.metadata.map { "\($0.key): \(shortened($0.value, columns: max(20, (terminal?.columns ?? 160) - 40)))" })
        report.list("warnings", subject.warnings)
        addTensors(to: &report)
        return report.finish()
    }

    private func addModel(to report: inout Report) {
        if let adapter = subject.adapter { return report.add(adapter) }
        let summary = subject.summary
        if let family = summary.family {
            report.field("architecture", family.title + (summary.members.first.map { ": " + $0 } ?? ""))
        } else if let recognised = summary.recognised {
            report.field("architecture", "\(recognised.title), recognised but not converted: \(recognised.reason)")
        } else {
            report.field("architecture", summary.alternatives.isEmpty ? "not known" : "not decided")
        }
        if let pipeline = summary.pipeline { report.field("pipeline", pipeline) }
        if let prediction = summary.prediction { report.field("prediction", "\(prediction.value) (\(prediction.reason))") }
        if !summary.components.isEmpty {
            report.heading("components")
            var table = Table([.init(""), .init(""), .init(""), .init(""), .init("", flexible: true)], indent: 2)
            for component in summary.components {
                let isWhole = component.parameters == component.expectedParameters
                table.append([
                    component.slot, component.title, Numbers.count(component.parameters),
                    isWhole ? "complete" : "of \(Numbers.count(component.expectedParameters))", "\(component.origin)  \(component.summary)",
                ])
            }
            report.table(table)
        }
        report.list("because", summary.evidence.map { ($0.holds ? "yes: " : "no: ") + $0.claim })
        if summary.members.count > 1 { report.list("the same structure have", summary.members) }
        report.list(
            "rather not", summary.alternatives.map { $0.title + ($0.against.isEmpty ? "" : ": " + $0.against.joined(separator: "; ")) })
        for component in summary.components {
            report.list("missing from \(component.slot)", component.missing, limit: 20)
            report.list("of the wrong shape in \(component.slot)", component.mismatches, limit: 20)
        }
        report.list("beside the model", summary.beside.map { "\($0.reason): \(Numbers.count($0.count, "tensor"))" } + subject.others)
        if subject.tiedCount > 0 { report.field("tied", Numbers.count(subject.tiedCount, "tensor")) }
        report.list("not explained", summary.unexplained, limit: 20)
    }

    private func addTensors(to report: inout Report) {
        guard let listed else { return }
        report.heading("tensors")
        var columns: [Table.Column] = [.init("name", flexible: true), .init("type"), .init("shape"), .init("size", .right)]
        if survey != nil {
            columns += ["min", "max", "mean", "std", "NaN"].map { .init($0, .right) } + [.init("histogram")]
        }
        var table = Table(columns, indent: 2)
        let entries = Dictionary((survey?.entries ?? []).map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
        for index in listed {
            let tensor = subject.tensors.tensors[index]
            var cells = [
                tensor.name, tensor.scalarType.rawValue, tensor.shape.description, Numbers.bytes(tensor.byteCount),
            ]
            if let entry = entries[index] {
                cells += [entry.minimum, entry.maximum, entry.mean, entry.standardDeviation].map {
                    $0.map { Numbers.significant($0) } ?? "–"
                }
                cells.append(Numbers.grouped(entry.nanCount))
                cells.append(entry.histogram.map { Histogram.line($0.counts) } ?? "")
            }
            table.append(cells)
        }
        report.table(table)
        for (type, total) in (survey?.totals ?? [:]).sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            guard let minimum = total.minimum, let maximum = total.maximum, let mean = total.mean, let deviation = total.standardDeviation,
                let histogram = total.histogram(bucketCount: 24)
            else { continue }
            report.heading("all \(type.rawValue)")
            report.field("range", "\(Numbers.significant(minimum)) … \(Numbers.significant(maximum))")
            report.field("mean ± std", "\(Numbers.significant(mean)) ± \(Numbers.significant(deviation))")
            report.field("NaN, infinite", "\(Numbers.grouped(total.nanCount)), \(Numbers.grouped(total.infinityCount))")
            report.field("zero", Numbers.grouped(total.zeroCount))
            for line in Histogram.bars(histogram) { report.line(line, indent: 2) }
        }
    }

    /// The published form: `Sources/IsomerCommands/Schemas/inspect.json`.
    var json: JSONValue {
        let summary = subject.summary
        var object: JSONObject = [
            "path": .path(subject.path),
            "format": .string(subject.format),
            "bytes": .integer(subject.byteCount),
            "tensorCount": .integer(subject.tensors.tensors.count),
            "parameters": .integer(subject.elementCount),
            "types": .array(
                subject.types.map {
                    [
                        "dtype": .string($0.type.rawValue), "tensors": .integer($0.tensors), "parameters": .integer($0.elements),
                        "bytes": .integer($0.bytes),
                    ]
                }),
            "architecture": summary.family.map { ["id": .string($0.identifier), "title": .string($0.title)] } ?? .null,
            "recognised": summary.recognised.map { ["title": .string($0.title), "reason": .string($0.reason)] } ?? .null,
            "members": .strings(summary.members),
            "evidence": .array(summary.evidence.map { ["claim": .string($0.claim), "holds": .bool($0.holds)] }),
            "alternatives": .array(
                summary.alternatives.map { ["title": .string($0.title), "against": .strings($0.against)] }),
            "components": .array(summary.components.map(Self.json)),
            "beside": .array(summary.beside.map { ["reason": .string($0.reason), "tensors": .integer($0.count)] }),
            "others": .strings(subject.others),
            "unexplained": .strings(summary.unexplained),
            "metadata": subject.tensors.metadata.json,
            "warnings": .strings(subject.warnings),
        ]
        if !summary.packing.isEmpty {
            object["packing"] = .array(
                summary.packing.map {
                    ["kind": .string($0.title), "weights": .integer($0.count), "dtype": .string($0.scalarType.rawValue)]
                })
        }
        object["adapter"] = subject.adapter.map(\.json)
        object["pipeline"] = summary.pipeline.map { .string($0) }
        object["prediction"] = summary.prediction.map { ["value": .string($0.value), "reason": .string($0.reason)] }
        guard let listed else { return .object(object) }
        let entries = Dictionary((survey?.entries ?? []).map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
        object["tensors"] = .array(
            listed.map { index in
                let tensor = subject.tensors.tensors[index]
                var item: JSONObject = [
                    "name": .string(tensor.name), "dtype": .string(tensor.scalarType.rawValue), "shape": .shape(tensor.shape),
                    "bytes": .integer(tensor.byteCount),
                ]
                item["statistics"] = entries[index].map(Self.json)
                return .object(item)
            })
        return .object(object)
    }

    private static func json(_ component: ModelSummary.Component) -> JSONValue {
        [
            "name": .string(component.slot), "network": .string(component.title), "origin": .string(component.origin),
            "summary": .string(component.summary), "parameters": .integer(component.parameters),
            "expectedParameters": .integer(component.expectedParameters), "missing": .strings(component.missing),
            "mismatches": .strings(component.mismatches),
        ]
    }

    private static func json(_ entry: TensorSurvey.Entry) -> JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map(JSONValue.real) ?? .null }
        return [
            "min": number(entry.minimum), "max": number(entry.maximum), "mean": number(entry.mean), "std": number(entry.standardDeviation),
            "nan": .integer(entry.nanCount), "infinite": .integer(entry.infinityCount), "zero": .integer(entry.zeroCount),
            "histogram": .array((entry.histogram?.counts ?? []).map(JSONValue.real)),
        ]
    }
}
