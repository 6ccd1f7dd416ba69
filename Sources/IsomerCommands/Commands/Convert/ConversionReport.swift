internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// What `convert` says once it is done.
struct ConversionReport {
    private let plan: ConversionPlan
    private let outcome: ConversionOutcome
    private let source: FilePath
    private let destination: FilePath
    private let merge: PlannedMerge?

    init(_ plan: ConversionPlan, _ outcome: ConversionOutcome, source: FilePath, destination: FilePath, merge: PlannedMerge? = nil) {
        self.merge = merge
        self.plan = plan
        self.outcome = outcome
        self.source = source
        self.destination = destination
    }

    /// What must not be overlooked: values that a narrower type could not hold.
    var warnings: [String] {
        outcome.losses.filter { $0.report.overflowed > 0 || $0.report.lostNaN > 0 }.map { loss in
            "\(loss.name): \(Numbers.count(loss.report.overflowed + loss.report.lostNaN, "value")) did not fit into the new type"
        }
            + outcome.quantized.filter { $0.error.notFiniteCount > 0 }.map { tensor in
                "\(tensor.name): \(Numbers.count(tensor.error.notFiniteCount, "value")) not finite, which spoil the blocks they are in"
            }
            + (merge?.merged.losses ?? []).filter { $0.report.overflowed > 0 || $0.report.lostNaN > 0 }.map { loss in
                "\(loss.name): \(Numbers.count(loss.report.overflowed + loss.report.lostNaN, "merged value")) did not fit into the type"
            }
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading("\(source) → \(destination)")
        report.field("tensors", Numbers.grouped(outcome.tensors))
        report.field("size", Numbers.bytes(outcome.fileBytes) + (outcome.paths.count > 1 ? " in \(outcome.paths.count) files" : ""))
        report.field(
            "time", "\(Numbers.duration(outcome.seconds)), \(Numbers.rate(bytes: outcome.fileBytes, seconds: outcome.seconds))")
        report.field("checked", checked)
        let flushed = outcome.losses.reduce(UInt64(0)) { $0 &+ $1.report.flushed }
        if flushed > 0 { report.field("rounded to zero", Numbers.count(flushed, "value")) }
        report.add(quantized: outcome.quantized)
        report.add(decisionsOf: plan)
        report.add(setAsideOf: plan, isComplete: false)
        report.list("removed, as parts of what was replaced", outcome.removed.map(\.string))
        report.list("notes", plan.notes)
        return report.finish()
    }

    private var checked: String {
        switch outcome.verification {
        case .none: "no"
        case .header: "names, types, shapes and metadata read back"
        case .full: "every byte read back and compared with the source"
        }
    }

    /// The published form: `Sources/IsomerCommands/Schemas/convert.json`, of a merge `merge.json`.
    var json: JSONValue {
        var object = outcomeJSON
        if let merge {
            object["schema"] = "isomer.merge/1"
            object["recipe"] = .object(merge.recipe)
        }
        return .object(object)
    }

    private var outcomeJSON: JSONObject {
        [
            "schema": "isomer.convert/1",
            "source": .path(source),
            "destination": .path(destination),
            "files": .array(outcome.paths.map(JSONValue.path)),
            "removed": .array(outcome.removed.map(JSONValue.path)),
            "tensors": .integer(outcome.tensors),
            "tensorBytes": .integer(outcome.tensorBytes),
            "bytes": .integer(outcome.fileBytes),
            "seconds": .real(outcome.seconds),
            "verification": .string(outcome.verification.rawValue),
            "losses": .array(
                outcome.losses.map { loss in
                    [
                        "file": .path(loss.path), "name": .string(loss.name), "overflowed": .integer(loss.report.overflowed),
                        "flushed": .integer(loss.report.flushed), "lostNaN": .integer(loss.report.lostNaN),
                    ]
                }),
            "quantization": outcome.quantizationJSON,
            "setAside": plan.setAsideJSON,
            "decisions": plan.decisionsJSON,
            "notes": .strings(plan.notes),
        ]
    }
}

extension Report {
    /// What was settled on the user's behalf, and how to settle it otherwise.
    mutating func add(decisionsOf plan: ConversionPlan) {
        list(
            "taken for granted",
            plan.decisions.map { decision in
                "\(decision.subject): \(decision.value) (\(decision.reason)" + (decision.flag.map { "; `\($0)` says otherwise)" } ?? ")")
            })
    }

    /// What became of the tensors without a place of their own: every one by name if `isComplete`, else how many for each reason.
    mutating func add(setAsideOf plan: ConversionPlan, isComplete: Bool) {
        for fate in SetAside.Fate.allCases {
            let entries = plan.setAside.filter { $0.fate == fate }
            let title = "\(fate.rawValue): \(Numbers.count(entries.count, "tensor"))"
            if isComplete {
                list(title, entries.map { "\($0.name)  \($0.reason)" })
                continue
            }
            var reasons: [String] = []
            var names: [String: [String]] = [:]
            for entry in entries {
                if names[entry.reason] == nil { reasons.append(entry.reason) }
                names[entry.reason, default: []].append(entry.name)
            }
            list(
                title,
                reasons.map { reason in
                    let found = names[reason] ?? []
                    let more = found.count > 1 ? " and \(Numbers.grouped(found.count - 1)) more" : ""
                    return "\(reason): \(found.first ?? "")\(more)"
                })
        }
    }
}
