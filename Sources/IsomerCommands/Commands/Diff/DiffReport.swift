internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// What `diff` prints.
struct DiffReport {
    private let models: ComparedModels
    private let difference: SourceDifference
    private let tolerance: Double?

    init(_ models: ComparedModels, _ difference: SourceDifference, tolerance: Double?) {
        self.models = models
        self.difference = difference
        self.tolerance = tolerance
    }

    /// Whether the two are the same as far as the user asked.
    var isEqual: Bool {
        guard tolerance != nil else { return difference.isSame }
        return difference.onlyInFirst.isEmpty && difference.onlyInSecond.isEmpty && beyondTolerance.isEmpty
    }

    /// The tensors that differ by more than the user allows.
    private var beyondTolerance: [SourceDifference.Changed] {
        guard let tolerance else { return difference.changed }
        return difference.changed.filter { changed in
            guard let values = changed.values else { return true }
            return !values.isEqual && (values.notFiniteCount > 0 || values.largestAbsolute > tolerance)
        }
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading("\(models.paths.first) ↔ \(models.paths.second)")
        report.field("result", isEqual ? (difference.isSame ? "equal, to the last bit" : "equal within what is allowed") : "different")
        report.field("names", models.isCanonical ? "canonical, by component" : "as they are")
        report.field("same", "\(Numbers.count(difference.sameCount, "tensor")), to the last bit")
        if !difference.changed.isEmpty { report.field("changed", Numbers.count(difference.changed.count, "tensor")) }
        for (component, changed) in groups {
            report.heading((component.isEmpty ? "" : component + ": ") + "\(Numbers.count(changed.count, "tensor")) changed")
            var table = Table(
                [
                    .init("name", flexible: true), .init("first"), .init("second"), .init("differing", .right), .init("largest", .right),
                    .init("relative", .right),
                ], indent: 2)
            for entry in changed {
                table.append([
                    name(entry.name), describe(entry.first, beside: entry.second), describe(entry.second, beside: entry.first),
                    entry.values.map { "\(Numbers.grouped($0.differingCount)) of \(Numbers.grouped(entry.first.shape.elementCount))" }
                        ?? "–",
                    entry.values.map { Numbers.significant($0.largestAbsolute) + ($0.notFiniteCount > 0 ? " and NaN or infinity" : "") }
                        ?? "–",
                    entry.values.map { Numbers.significant($0.largestRelative) } ?? "–",
                ])
            }
            report.table(table)
        }
        report.list(
            "only in \(models.paths.first): \(Numbers.count(difference.onlyInFirst.count, "tensor"))", difference.onlyInFirst.map(line),
            limit: 50)
        report.list(
            "only in \(models.paths.second): \(Numbers.count(difference.onlyInSecond.count, "tensor"))", difference.onlyInSecond.map(line),
            limit: 50)
        report.list("notes", models.notes)
        return report.finish()
    }

    /// Changed tensors by component, in order.
    private var groups: [(component: String, changed: [SourceDifference.Changed])] {
        var order: [String] = []
        var members: [String: [SourceDifference.Changed]] = [:]
        for entry in difference.changed {
            let component = component(entry.name) ?? ""
            if members[component] == nil { order.append(component) }
            members[component, default: []].append(entry)
        }
        return order.map { ($0, members[$0] ?? []) }
    }

    private func component(_ name: String) -> String? {
        guard models.isCanonical, let slash = name.firstIndex(of: "/") else { return nil }
        return String(name[..<slash])
    }

    private func name(_ name: String) -> String {
        component(name).map { String(name.dropFirst($0.count + 1)) } ?? name
    }

    private func describe(_ tensor: TensorDescriptor, beside other: TensorDescriptor) -> String {
        tensor.scalarType.rawValue + (tensor.shape == other.shape ? "" : " \(tensor.shape)")
    }

    private func line(_ tensor: TensorDescriptor) -> String { "\(tensor.name)  \(tensor.scalarType.rawValue) \(tensor.shape)" }

    /// The published form: `Sources/IsomerCommands/Schemas/diff.json`.
    var json: JSONValue {
        [
            "schema": "isomer.diff/1",
            "first": .path(models.paths.first),
            "second": .path(models.paths.second),
            "equal": .bool(isEqual),
            "canonicalNames": .bool(models.isCanonical),
            "sameTensors": .integer(difference.sameCount),
            "changed": .array(
                difference.changed.map { entry in
                    var object: JSONObject = [
                        "name": .string(name(entry.name)), "first": Self.json(entry.first), "second": Self.json(entry.second),
                    ]
                    object["component"] = component(entry.name).map { .string($0) }
                    object["values"] = entry.values.map { values in
                        [
                            "differing": .integer(values.differingCount), "notFinite": .integer(values.notFiniteCount),
                            "largestAbsolute": .real(values.largestAbsolute), "largestRelative": .real(values.largestRelative),
                        ]
                    }
                    return .object(object)
                }),
            "onlyInFirst": .array(difference.onlyInFirst.map(Self.json)),
            "onlyInSecond": .array(difference.onlyInSecond.map(Self.json)),
            "notes": .strings(models.notes),
        ]
    }

    private static func json(_ tensor: TensorDescriptor) -> JSONValue {
        ["name": .string(tensor.name), "dtype": .string(tensor.scalarType.rawValue), "shape": .shape(tensor.shape)]
    }
}
