import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Which way round a square projection lies.
@Suite struct ProjectionOrientationTests {
    /// Numbers whose rows' lengths follow `strengths` to a power, each with its own noise.
    private func matrix(_ strengths: [Double], power: Double, noise: Double, _ name: String) -> [Double] {
        let width = strengths.count
        let numbers = madeUp(name, width * width, deviation: 1)
        let disturbance = madeUp(name + "noise", width, deviation: Float(noise))
        return (0..<width * width).map { place in
            let row = place / width
            var factor = 1 + Double(disturbance[row])
            if power > 0 { factor *= strengths[row] } else if power < 0 { factor /= strengths[row] }
            return Double(numbers[place]) * factor
        }
    }

    private func evidence(_ strengths: [Double], _ numbers: [Double]) -> ProjectionOrientation.Evidence {
        let width = strengths.count
        var (rows, columns) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
        for place in numbers.indices {
            rows[place / width] += numbers[place] * numbers[place]
            columns[place % width] += numbers[place] * numbers[place]
        }
        return ProjectionOrientation.Evidence(strengths, right: rows, wrong: columns)
    }

    /// Whether training made strong channels' rows longer or shorter, and at every width that encoders have.
    @Test(arguments: [64, 256, 768], [1.0, -1])
    func turnedOnesAreFound(_ width: Int, _ power: Double) {
        let strengths = madeUp("strengths\(width)", width, deviation: 1).map { 1.5 + Double($0) }
        let whole = matrix(strengths, power: power, noise: 0.3, "m\(width)\(power)")
        let turned = whole.indices.map { whole[$0 % width * width + $0 / width] }
        #expect(!evidence(strengths, whole).isTurned)
        #expect(evidence(strengths, turned).isTurned)
        #expect(evidence(strengths, whole).across == evidence(strengths, turned).along)
    }

    /// Chance is never taken for evidence: hundreds of matrices that know nothing of the channels, narrow ones among them.
    @Test func chanceTurnsNothing() {
        for seed in 0..<300 {
            let width = [16, 32, 64, 96][seed % 4]
            let strengths = madeUp("chance\(seed)", width, deviation: 1).map { 1.5 + Double($0) }
            let found = evidence(strengths, matrix(strengths, power: 0, noise: 0.5, "c\(seed)"))
            #expect(!found.isTurned && abs(found.along) < 5 && abs(found.across) < 5, "\(seed)")
        }
        // Nothing follows from channels of one strength, nor from a matrix that is the same both ways.
        let flat = [Double](repeating: 1, count: 64)
        #expect(!evidence(flat, matrix(flat, power: 0, noise: 0, "flat")).isTurned)
        let strengths = madeUp("diagonal", 64, deviation: 1).map { 1.5 + Double($0) }
        var diagonal = [Double](repeating: 0, count: 64 * 64)
        for place in 0..<64 { diagonal[65 * place] = strengths[place] }
        #expect(!evidence(strengths, diagonal).isTurned)
    }

    private static let projection = "conditioner.embedders.1.model.text_projection"

    /// The checkpoint at `path` with its second text projection turned.
    private func turned(_ path: FilePath, to other: FilePath) throws {
        try rewrite(path, to: other) { tensor, _ in tensor.name == Self.projection ? .turned(tensor.name) : .kept }
    }

    /// A merge of models whose projections lie differently is the merge of those that do not, and says so.
    @Test func mergedModelsLieAlike() throws {
        let folder = try TemporaryFolder()
        let first = folder["a.safetensors"]
        _ = try Executor().run(
            ConversionPlan(ConversionRequest(source: Fixtures["models/sdxl-tiny"]), to: .checkpoint(.safetensors)), to: first)
        // A second model near the first: a tenth of the way to nothing.
        let projection = try #require(try numbers(openWeights(first))[Self.projection])
        var merge = ModelMerge([first])
        merge.adapters = [ModelMerge.AddedAdapter(Fixtures["adapters/sdxl.safetensors"], strength: 1)]
        try perform(merge, to: folder["b.safetensors"], type: nil)
        try turned(folder["b.safetensors"], to: folder["t.safetensors"])
        #expect(try numbers(openWeights(folder["t.safetensors"]))[Self.projection] != projection)
        var straight = ModelMerge([first, folder["b.safetensors"]])
        straight.amount = 0.25
        let plain = try perform(straight, to: folder["straight.safetensors"])
        #expect(!plain.plan.decisions.contains { $0.value == "turned" })
        var crossed = ModelMerge([first, folder["t.safetensors"]])
        crossed.amount = 0.25
        let planned = try perform(crossed, to: folder["crossed.safetensors"])
        let decision = try #require(planned.plan.decisions.first { $0.value == "turned" })
        #expect(decision.subject == "text_encoder_2/text_projection of t.safetensors" && decision.reason.contains("turned 0 %"))
        #expect(try numbers(openWeights(folder["crossed.safetensors"])) == numbers(openWeights(folder["straight.safetensors"])))
    }
}
