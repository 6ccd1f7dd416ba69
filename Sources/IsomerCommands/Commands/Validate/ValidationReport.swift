internal import IsomerBytes
internal import IsomerTensors

/// What `validate` prints.
struct ValidationReport {
    private let first: ValidatedModel
    private let second: ValidatedModel?
    private let differences: [OutputDifference]
    /// Outputs that only one of the models has, or has in another shape: a sentence on each.
    private let incomparable: [String]
    /// How far apart outputs may be, by component.
    private let tolerances: [String: Double]

    init(_ first: ValidatedModel, _ second: ValidatedModel?, tolerance: Double?) {
        self.first = first
        self.second = second
        var (differences, incomparable): ([OutputDifference], [String]) = ([], [])
        var tolerances: [String: Double] = [:]
        if let second {
            for component in first.components {
                let slot = component.slot
                guard let other = second.components.first(where: { $0.slot == slot }) else {
                    incomparable.append("\(slot): only in \(first.path)")
                    continue
                }
                let (mine, its) = (first.types[slot] ?? [:], second.types[slot] ?? [:])
                // What only one of them has tells nothing of types.
                let changed = mine.compactMap { name, type in its[name].flatMap { $0 == type ? nil : [type, $0] } }
                tolerances[slot] = tolerance ?? changed.joined().map(Self.usualTolerance).max() ?? 0
                let pairs = Self.pairs(component, other)
                differences += pairs.alike
                incomparable += pairs.others
            }
            let slots = first.components.map(\.slot)
            incomparable += second.components.filter { !slots.contains($0.slot) }.map { "\($0.slot): only in \(second.path)" }
        }
        (self.differences, self.incomparable, self.tolerances) = (differences, incomparable, tolerances)
    }

    /// How far apart outputs may be where weights of `type` are other ones in the other model: some four times what rounding makes of random models
    /// of true size, which is far from what other weights make of them.
    private static func usualTolerance(of type: ScalarType) -> Double {
        switch type {
        case .q8_0: 0.1
        case _ where type.bitCount < 16: 0.5
        default: 0.02
        }
    }

    /// The outputs of one component in two models.
    private static func pairs(
        _ first: ComponentValidation, _ second: ComponentValidation
    ) -> (alike: [OutputDifference], others: [String]) {
        let mine = first.outputs.isEmpty, its = second.outputs.isEmpty
        guard mine == its else { return ([], ["\(first.slot): not run in the \(mine ? "first" : "second")"]) }
        var (alike, others): ([OutputDifference], [String]) = ([], [])
        for output in first.outputs {
            let name = "\(first.slot) \(output.name)"
            guard let other = second.outputs.first(where: { $0.name == output.name }) else {
                others.append("\(name): only in the first")
                continue
            }
            if let difference = OutputDifference(first.slot, output, other) {
                alike.append(difference)
            } else {
                others.append("\(name): \(output.shape) in the first, \(other.shape) in the second")
            }
        }
        let names = first.outputs.map(\.name)
        others += second.outputs.filter { !names.contains($0.name) }.map { "\(first.slot) \($0.name): only in the second" }
        return (alike, others)
    }

    /// Whether every component loaded, is finite, and is as near to the other model's as asked.
    var isSound: Bool {
        guard first.components.allSatisfy(\.isSound) else { return false }
        guard let second else { return true }
        return second.components.allSatisfy(\.isSound) && incomparable.isEmpty
            && differences.allSatisfy { $0.relative <= tolerances[$0.component] ?? 0 }
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading("\(first.path): \(first.family)")
        report.field("result", isSound ? "sound" : "not sound")
        for component in first.components { add(component, to: &report) }
        report.list("tensors that nothing explains", first.unexpected, limit: 20)
        report.list("notes", first.notes)
        guard let second else { return report.finish() }
        report.heading("against \(second.path)")
        for component in second.components where !component.isSound { add(component, to: &report) }
        var table = Table(
            [.init("component"), .init("output"), .init("largest difference", .right), .init("relative", .right), .init("PSNR", .right)],
            indent: 2)
        for difference in differences {
            table.append([
                difference.component, difference.output, Numbers.significant(difference.largest), Numbers.significant(difference.relative),
                difference.signalToNoise.isFinite ? Numbers.fixed(difference.signalToNoise, 1) + " dB" : "–",
            ])
        }
        report.table(table)
        report.list("not compared", incomparable)
        report.field("allowed", allowed)
        report.list("notes", second.notes.filter { !first.notes.contains($0) })
        return report.finish()
    }

    /// The largest difference that is allowed in all components, or what is in which.
    private var allowed: String {
        func said(_ tolerance: Double) -> String { tolerance == 0 ? "no difference" : Numbers.significant(tolerance) }
        let several = Set(tolerances.values)
        if let only = several.first, several.count == 1 { return said(only) }
        return tolerances.sorted { $0.key < $1.key }.map { "\($0.key): \(said($0.value))" }.joined(separator: ", ")
    }

    private func add(_ component: ComponentValidation, to report: inout Report) {
        report.heading("\(component.slot): \(component.title)")
        if let reason = component.notRun { return report.field("not run", reason.description) }
        guard component.problems.isEmpty else {
            return report.list(
                "does not load: \(Numbers.count(component.problems.count, "tensor")) missing or wrong",
                component.problems.map(\.description),
                limit: 20)
        }
        var table = Table(
            [
                .init("output"), .init("shape"), .init("mean", .right), .init("deviation", .right), .init("least", .right),
                .init("greatest", .right), .init("digest"),
            ], indent: 2)
        for output in component.outputs {
            let moments = output.moments
            table.append([
                output.name, "\(output.shape)", moments.map { Numbers.significant($0.mean) } ?? "–",
                moments.map { Numbers.significant($0.deviation) } ?? "–", moments.map { Numbers.significant(Double($0.minimum)) } ?? "–",
                moments.map { Numbers.significant(Double($0.maximum)) } ?? "–", output.digest.hexadecimal,
            ])
        }
        report.table(table)
        if let layer = component.firstNonFinite { report.field("not finite", "first after \(layer)") }
        if let (layer, magnitude) = component.firstBeyondHalf {
            report.field("overflows in f16", "first after \(layer), which reaches \(Numbers.significant(Double(magnitude)))")
        }
        if let (layer, magnitude) = component.largest {
            report.field("largest activation", "\(Numbers.significant(Double(magnitude))) after \(layer)")
        }
        if let mean = component.predictionMean, let predicts = component.predicts {
            let known = first.prediction.map { $0 == predicts ? ", as said elsewhere" : ", though \($0) is said elsewhere" } ?? ""
            report.field("predicts", "\(predicts) by the probe (\(Numbers.significant(mean)))\(known)")
        }
        report.field("time", Numbers.duration(component.seconds))
        let widened = component.widenedPeak > 0 ? ", \(Numbers.bytes(component.widenedPeak)) of a widened weight" : ""
        report.field("memory", "\(Numbers.bytes(component.peak)) of activations\(widened)")
    }

    /// The published form: `Sources/IsomerCommands/Schemas/validate.json`.
    var json: JSONValue {
        var object: JSONObject = [
            "schema": "isomer.validate/1", "path": .path(first.path), "sound": .bool(isSound), "architecture": .string(first.family),
            "components": .array(first.components.map(json)), "unexpected": .strings(first.unexpected),
            "notes": .strings(first.notes),
        ]
        if let second {
            object["against"] = [
                "path": .path(second.path), "architecture": .string(second.family), "components": .array(second.components.map(json)),
                "allowed": .real(tolerances.values.max() ?? 0), "notCompared": .strings(incomparable), "notes": .strings(second.notes),
                "differences": .array(
                    differences.map { difference in
                        [
                            "component": .string(difference.component), "output": .string(difference.output),
                            "largest": .real(difference.largest), "relative": .real(difference.relative),
                            "psnr": .real(difference.signalToNoise), "allowed": .real(tolerances[difference.component] ?? 0),
                        ]
                    }),
            ]
        }
        return .object(object)
    }

    private func json(_ component: ComponentValidation) -> JSONValue {
        var object: JSONObject = [
            "name": .string(component.slot), "kind": .string(component.title), "sound": .bool(component.isSound),
            "problems": .array(component.problems.map(\.json)), "seconds": .real(component.seconds),
            "peakBytes": .integer(component.peak), "widenedBytes": .integer(component.widenedPeak),
            "outputs": .array(
                component.outputs.map { output in
                    let moments = output.moments
                    return [
                        "name": .string(output.name), "shape": .array(output.shape.map { .integer($0) }),
                        "finite": .bool(output.values.allSatisfy(\.isFinite)), "mean": moments.map { .real($0.mean) } ?? .null,
                        "deviation": moments.map { .real($0.deviation) } ?? .null,
                        "minimum": moments.map { .real(Double($0.minimum)) } ?? .null,
                        "maximum": moments.map { .real(Double($0.maximum)) } ?? .null, "digest": .string(output.digest.hexadecimal),
                    ]
                }),
        ]
        object["notRun"] = component.notRun.map(\.json)
        object["firstNonFinite"] = component.firstNonFinite.map { .string($0) }
        object["firstBeyondHalf"] = component.firstBeyondHalf.map {
            ["layer": .string($0.layer), "magnitude": .real(Double($0.magnitude))]
        }
        object["largest"] = component.largest.map { ["layer": .string($0.layer), "magnitude": .real(Double($0.magnitude))] }
        object["predicts"] = component.predicts.map { .string($0) }
        object["predictionMean"] = component.predictionMean.map { .real($0) }
        return .object(object)
    }
}
