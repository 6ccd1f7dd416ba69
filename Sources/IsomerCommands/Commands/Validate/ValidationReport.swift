internal import IsomerBytes
internal import IsomerTensors

/// What `validate` prints.
struct ValidationReport {
    private let first: ValidatedModel
    private let second: ValidatedModel?
    private let differences: [OutputDifference]
    private let tolerance: Double

    init(_ first: ValidatedModel, _ second: ValidatedModel?, tolerance: Double?) {
        self.first = first
        self.second = second
        self.tolerance = tolerance ?? (first.types == second?.types ? 0 : 0.02)
        var differences: [OutputDifference] = []
        for component in second?.components ?? [] {
            guard let mine = first.components.first(where: { $0.slot == component.slot }) else { continue }
            differences += zip(mine.outputs, component.outputs).compactMap { OutputDifference(component.slot, $0, $1) }
        }
        self.differences = differences
    }

    /// Whether every component loaded, is finite, and is as near to the other model's as asked.
    var isSound: Bool {
        guard first.components.allSatisfy(\.isSound) else { return false }
        guard let second else { return true }
        return second.components.allSatisfy(\.isSound) && first.components.map(\.slot) == second.components.map(\.slot)
            && first.components.reduce(0) { $0 + $1.outputs.count } == differences.count
            && differences.allSatisfy { $0.relative <= tolerance }
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        report.heading("\(first.path): \(first.family)")
        report.field("result", isSound ? "sound" : "not sound")
        for component in first.components { add(component, to: &report) }
        report.list("tensors that nothing explains", first.unexpected, limit: 20)
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
        report.field("allowed", tolerance == 0 ? "no difference" : Numbers.significant(tolerance))
        return report.finish()
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
                moments.map { Numbers.significant(Double($0.maximum)) } ?? "–", hexadecimal(output.digest),
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
        ]
        if let second {
            object["against"] = [
                "path": .path(second.path), "architecture": .string(second.family), "components": .array(second.components.map(json)),
                "allowed": .real(tolerance),
                "differences": .array(
                    differences.map { difference in
                        [
                            "component": .string(difference.component), "output": .string(difference.output),
                            "largest": .real(difference.largest), "relative": .real(difference.relative),
                            "psnr": .real(difference.signalToNoise),
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
                        "maximum": moments.map { .real(Double($0.maximum)) } ?? .null, "digest": .string(hexadecimal(output.digest)),
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

    private func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
