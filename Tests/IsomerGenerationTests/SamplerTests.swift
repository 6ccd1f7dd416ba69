import IsomerBytes
import IsomerGeneration
import Testing

/// Every sampler against diffusers', which steps in binary64, over the same sequence of model outputs: steps, levels, scaled inputs and samples.
@Suite struct SamplerTests {
    private static let (calls, size) = (64, 24)

    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSONValue
        var cursor: JSONCursor { JSONCursor(json) }

        var testDescription: String {
            let settings = ["count", "eta", "tokens", "ays", "strength", "spacing"].compactMap { key in
                (try? cursor.optional(key)).flatMap { $0 }.map { ", \(key) \(JSONWriter().text($0.value))" }
            }
            return ((try? cursor.required("config")).map { JSONWriter().text($0.value) } ?? "") + settings.joined()
        }

        func numbers(_ key: String) throws -> [Float] { try cursor.required(key).elements().map { Float(try $0.double()) } }

        func sampler() throws -> any Sampler {
            var configuration = try SamplerConfiguration(cursor.required("config"))
            if let eta = try cursor.optional("eta") { configuration.stochasticity = try eta.double() }
            if let ays = try cursor.optional("ays") { configuration.distribution = try #require(SigmaSpacing(rawValue: ays.string())) }
            if let spacing = try cursor.optional("spacing") {
                configuration.spacing = try #require(TimestepSpacing(rawValue: spacing.string()))
            }
            return try configuration.sampler(
                steps: cursor.required("count").integer(), tokens: cursor.optional("tokens")?.integer(),
                levels: cursor.optional("unshifted")?.elements().map { try $0.double() })
        }
    }

    private static let all: [Case] = {
        let packed = (try? Fixtures.bytes("samplers/cases.jsonl.gz")) ?? []
        let text = (try? Inflater.inflate(packed, .gzip, size: .atMost(1 << 24))) ?? []
        return text.split(separator: UInt8(ascii: "\n")).compactMap { try? Case(json: JSONValue(parsing: Array($0))) }
    }()

    private static let inputs: [Float] = {
        let bytes = (try? Fixtures.bytes("samplers/inputs.bin")) ?? []
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
        }
    }()

    /// The largest difference, relative to the largest number expected.
    private func difference(_ found: some Sequence<Float>, _ expected: [Float]) -> Float {
        let largest = expected.map(abs).max() ?? 0
        return (zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity) / max(largest, .leastNormalMagnitude)
    }

    @Test func thereAreCases() {
        #expect(Self.all.count == 836)
        #expect(Self.inputs.count == 2 * Self.calls * Self.size + Self.size)
    }

    private static func row(_ index: Int) -> [Float] { Array(inputs[index * size..<(index + 1) * size]) }

    @Test(arguments: all) func followsDiffusers(_ golden: Case) throws {
        var sampler = try golden.sampler()
        #expect(difference(sampler.timesteps, try golden.numbers("timesteps")) <= 1e-6)
        let initial = Float(try golden.cursor.required("initial").double())
        #expect(abs(sampler.initialDeviation - initial) <= 1e-6 * initial)

        // Nothing but noise, on nothing, is as much as there is where each step begins.
        let levels = try golden.numbers("levels")
        try #require(levels.count == sampler.stepCount || sampler.callsPerStep == 1 && levels.count == sampler.timesteps.count)
        let found = levels.indices.compactMap { sampler.noised([0], [1], at: $0 * sampler.callsPerStep).first }
        #expect(difference(found, levels) <= 1e-6)

        // Of a sample of hundreds Heun's two slopes cancel all but the last bits of float32; diffusers' own run in it is 4.4e-6 away.
        let bound: Float = sampler is HeunSampler && initial > 100 ? 2e-6 : 1e-6
        let (inputs, results, last) = (try golden.numbers("inputs"), try golden.numbers("results"), try golden.numbers("last"))
        let strength = try golden.cursor.optional("strength")?.double()
        let first = strength.map { sampler.firstCall(strength: $0) } ?? 0
        try #require(inputs.count == sampler.timesteps.count - first)
        try #require(results.count == 2 * inputs.count)
        let start = Self.inputs.suffix(Self.size)
        var sample =
            strength == nil
            ? start.map { $0 * sampler.initialDeviation } : sampler.noised(Array(start), Self.row(2 * Self.calls - 1), at: first)
        // Differences are relative to the largest number of the whole sample.
        func check(_ found: some Sequence<Float>, _ expected: some Sequence<Float>, _ whole: [Float]) {
            let largest = max(whole.map(abs).max() ?? 0, .leastNormalMagnitude)
            for (number, wanted) in zip(found, expected) { #expect(abs(number - wanted) <= bound * largest) }
        }
        var drawn = Self.calls
        for call in inputs.indices {
            let shown = sampler.input(sample, at: first + call)
            check(shown.prefix(1), [inputs[call]], shown)
            sample = sampler.step(Self.row(call), sample, at: first + call) { _ in
                defer { drawn += 1 }
                return Self.row(drawn)
            }
            check(sample.prefix(2), results[2 * call..<2 * call + 2], sample)
        }
        try #require(sample.count == Self.size && last.count == 8)
        check(sample.prefix(8), last, sample)
    }
}
