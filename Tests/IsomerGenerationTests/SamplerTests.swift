import IsomerBytes
import IsomerGeneration
import Testing

/// Every sampler against diffusers' over the same sequence of model outputs: steps, scaled inputs and samples.
@Suite struct SamplerTests {
    private static let (calls, size) = (64, 24)

    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSONValue
        var cursor: JSONCursor { JSONCursor(json) }

        var testDescription: String {
            ["sampler", "count", "spacing", "sigmas", "prediction", "ztsnr", "eta", "shift", "exponent"]
                .compactMap { key in (try? cursor.optional(key)).flatMap { $0 }.map { "\(key) \($0.value)" } }.joined(separator: ", ")
        }

        func numbers(_ key: String) throws -> [Float] { try cursor.required(key).elements().map { Float(try $0.double()) } }

        func rows(_ key: String) throws -> [[Float]] {
            try cursor.required(key).elements().map { try $0.elements().map { Float(try $0.double()) } }
        }

        func word<Value: RawRepresentable<String>>(_ key: String, _ type: Value.Type) throws -> Value {
            try #require(Value(rawValue: try cursor.required(key).string()))
        }

        func sampler() throws -> any Sampler {
            let count = try cursor.required("count").integer()
            let name = try cursor.required("sampler").string()
            if name == "flow" {
                let shift = try cursor.optional("shift").map { FlowMatchSampler.Shift.fixed(try $0.double()) }
                return FlowMatchSampler(count, try shift ?? .exponential(cursor.required("exponent").double()))
            }
            let spacing = try word("spacing", TimestepSpacing.self)
            let prediction = try word("prediction", PredictionType.self)
            let schedule = NoiseSchedule(endsInNoise: try cursor.optional("ztsnr")?.bool() ?? false)
            if name == "ddim" {
                var sampler = DDIMSampler(count, schedule, prediction, spacing, offset: 1)
                sampler.eta = Float(try cursor.required("eta").double())
                return sampler
            }
            let distribution = try word("sigmas", SigmaSpacing.self)
            if name.hasSuffix("dpmsolver++") {
                return DPMSolverSampler(count, schedule, prediction, spacing, distribution, isStochastic: name.hasPrefix("sde"))
            }
            let ladder = SigmaLadder(count, schedule, spacing, distribution)
            if name == "heun" { return HeunSampler(ladder, prediction) }
            return EulerSampler(ladder, prediction, isAncestral: name == "euler_ancestral")
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
        #expect(Self.all.count == 351)
        #expect(Self.inputs.count == 2 * Self.calls * Self.size + Self.size)
    }

    @Test(arguments: all) func followsDiffusers(_ golden: Case) throws {
        var sampler = try golden.sampler()
        #expect(difference(sampler.timesteps, try golden.numbers("timesteps")) <= 1e-6)
        let initial = Float(try golden.cursor.required("initial").double())
        #expect(abs(sampler.initialDeviation - initial) <= 1e-6 * initial)

        // From a sigma of 4,096 down, what differs in the last bit of a thousand is a hundred-thousandth of what is left after some steps.
        let bound: Float = initial > 1_000 ? 2e-5 : 3e-6
        let (inputs, results) = (try golden.rows("inputs"), try golden.rows("results"))
        try #require(inputs.count == sampler.timesteps.count)
        var sample = Self.inputs.suffix(Self.size).map { $0 * sampler.initialDeviation }
        var drawn = 0
        for call in inputs.indices {
            #expect(difference(sampler.input(sample, at: call), inputs[call]) <= bound)
            let output = Array(Self.inputs[call * Self.size..<(call + 1) * Self.size])
            sample = sampler.step(output, sample, at: call) { count in
                defer { drawn += 1 }
                return Array(Self.inputs[(Self.calls + drawn) * Self.size..<(Self.calls + drawn) * Self.size + count])
            }
            #expect(difference(sample, results[call]) <= bound)
        }
        #expect(difference(sample, try #require(results.last)) <= bound)
    }
}
