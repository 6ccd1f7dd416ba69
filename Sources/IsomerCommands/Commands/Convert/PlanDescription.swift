internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// What `convert --dry-run` prints: every output tensor and where it comes from.
struct PlanDescription {
    private let plan: ConversionPlan
    private let source: FilePath
    private let destination: FilePath
    private let removed: [FilePath]

    init(_ plan: ConversionPlan, source: FilePath, destination: FilePath, removed: [FilePath]) {
        self.plan = plan
        self.source = source
        self.destination = destination
        self.removed = removed
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading("\(source) → \(destination)")
        report.field("tensors", Numbers.grouped(plan.tensorCount))
        report.field("size", Numbers.bytes(plan.tensorBytes))
        report.add(decisionsOf: plan)
        for file in plan.files {
            report.line()
            let name = file.path.isEmpty ? destination : file.path
            report.heading(
                "\(name)  \(file.container.name), \(Numbers.count(file.tensors.count, "tensor")), \(Numbers.bytes(file.tensorBytes))")
            if let limit = file.shardBytes { report.line("in shards of at most \(Numbers.bytes(limit))", indent: 2) }
            for (key, value) in file.metadata { report.field(key, value) }
            var table = Table([.init("", flexible: true), .init(""), .init(""), .init("", flexible: true)], indent: 2)
            for tensor in file.tensors {
                table.append([
                    tensor.descriptor.name, tensor.descriptor.scalarType.rawValue, tensor.descriptor.shape.description,
                    "← " + origin(of: tensor),
                ])
            }
            report.table(table)
        }
        report.list("other files", plan.plainFiles.map { "\($0.path)  \(Numbers.bytes($0.bytes.count))" })
        report.add(setAsideOf: plan, isComplete: true)
        report.list("removed, as parts of what is replaced", removed.map(\.string))
        report.list("notes", plan.notes)
        return report.finish()
    }

    private func origin(of tensor: PlannedTensor) -> String {
        let pieces = tensor.pieces.map { piece in
            switch piece {
            case .constant(let bytes): return Numbers.count(bytes.count, "constant byte")
            case .tensor(let reference, let part):
                let name = plan.sources[reference.source].tensors.tensors[reference.index].name
                switch part {
                case .whole: return name
                case .elements(let range): return "\(name)[\(range.lowerBound)..<\(range.upperBound)]"
                case .transposed: return "\(name) transposed"
                }
            }
        }
        return pieces.joined(separator: " + ") + (tensor.isCast ? " as \(tensor.sourceType.rawValue)" : "")
    }

    /// The published form: `Sources/IsomerCommands/Schemas/convert-plan.json`.
    var json: JSONValue {
        [
            "schema": "isomer.convert-plan/1",
            "source": .path(source),
            "destination": .path(destination),
            "tensors": .integer(plan.tensorCount),
            "bytes": .integer(plan.tensorBytes),
            "files": .array(plan.files.map(json)),
            "otherFiles": .array(plan.plainFiles.map { ["path": .path($0.path), "bytes": .integer($0.bytes.count)] }),
            "removed": .array(removed.map(JSONValue.path)),
            "setAside": plan.setAsideJSON,
            "decisions": plan.decisionsJSON,
            "notes": .strings(plan.notes),
        ]
    }

    private func json(_ file: PlannedFile) -> JSONValue {
        var object: JSONObject = [
            "path": .path(file.path.isEmpty ? destination : file.path), "container": .string(file.container.name),
            "metadata": file.metadata.json,
        ]
        object["maxShardBytes"] = file.shardBytes.map { .integer($0) }
        object["tensors"] = .array(
            file.tensors.map { tensor in
                [
                    "name": .string(tensor.descriptor.name), "dtype": .string(tensor.descriptor.scalarType.rawValue),
                    "shape": .shape(tensor.descriptor.shape), "sourceDtype": .string(tensor.sourceType.rawValue),
                    "pieces": .array(tensor.pieces.map(json)),
                ]
            })
        return .object(object)
    }

    private func json(_ piece: Piece) -> JSONValue {
        switch piece {
        case .constant(let bytes): return ["kind": "constant", "bytes": .integer(bytes.count)]
        case .tensor(let reference, let part):
            let source = plan.sources[reference.source]
            var object: JSONObject = ["source": .string(source.label), "name": .string(source.tensors.tensors[reference.index].name)]
            switch part {
            case .whole: object["kind"] = "whole"
            case .elements(let range):
                object["kind"] = "elements"
                object["range"] = [.integer(range.lowerBound), .integer(range.upperBound)]
            case .transposed(let rows, let columns):
                object["kind"] = "transposed"
                object["matrix"] = [.integer(rows), .integer(columns)]
            }
            return .object(object)
        }
    }
}

extension ConversionPlan {
    var decisionsJSON: JSONValue { decisions.json }

    var setAsideJSON: JSONValue {
        .array(
            setAside.map { entry in
                [
                    "source": .string(sources[entry.tensor.source].label), "name": .string(entry.name),
                    "fate": .string(entry.fate.rawValue),
                    "reason": .string(entry.reason),
                ]
            })
    }
}

extension [Decision] {
    var json: JSONValue {
        .array(
            map { decision in
                var object: JSONObject = [
                    "subject": .string(decision.subject), "value": .string(decision.value), "reason": .string(decision.reason),
                ]
                object["flag"] = decision.flag.map { .string($0) }
                return .object(object)
            })
    }
}

extension Container {
    /// What reports call it.
    var name: String {
        switch self {
        case .safetensors: "safetensors"
        case .torch(_, legacy: false): "torch"
        case .torch(_, legacy: true): "torch-legacy"
        case .gguf: "gguf"
        }
    }
}
