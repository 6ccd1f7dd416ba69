import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// Weights with low-rank updates compute what the sums would.
@Suite struct AdapterTests {
    private func numbers(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map { Float(($0 &* 7919 &+ seed &* 104_729) % 2003) / 1001 - 1 }
    }

    /// Linear maps, convolutions and a text encoder's weights, two updates on one of them.
    @Test(arguments: [false, true]) func isTheSameAsTheSum(isKept: Bool) throws {
        let golden = try Golden("unet-sd1")
        let manifest = try golden.configuration.manifest()
        let names = [
            "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", "down_blocks.0.resnets.1.conv1.weight",
            "up_blocks.1.attentions.2.proj_in.weight", "time_embedding.linear_1.weight",
        ]
        var updates: [String: [LowRankUpdate]] = [:]
        var sums: [String: [Float]] = [:]
        for (seed, name) in names.enumerated() {
            let shape = try #require(manifest[name]).dimensions
            let (outputs, inputs) = (shape[0], shape.dropFirst().reduce(1, *))
            sums[name] = try golden.floats("weights/" + name)
            for (round, rank) in [3, 5][0..<(seed == 0 ? 2 : 1)].enumerated() {
                let (up, down) = (numbers(outputs * rank, seed + round), numbers(rank * inputs, seed + 10))
                updates[name, default: []].append(try LowRankUpdate(up: up, down: down, rank: rank, scale: 0.25))
                for output in 0..<outputs {
                    for input in 0..<inputs {
                        let product = (0..<rank).reduce(Float(0)) { $0 + up[output * rank + $1] * down[$1 * inputs + input] }
                        sums[name]?[output * inputs + input] += 0.5 * 0.25 * product
                    }
                }
            }
        }
        let adapter = LowRankAdapter(updates, strength: 0.5)
        let weights = try golden.weights()
        weights.adapters = [adapter]
        weights.keepsAdapted = isKept
        let found = try #require(try golden.outputs(Computation(), weights)["prediction"])
        let again = try #require(try golden.outputs(Computation(), weights)["prediction"])
        #expect(found.values == again.values)
        let replaced = try golden.weights()
        replaced.adapters = [Replacement(sums)]
        let wanted = try #require(try golden.outputs(Computation(), replaced)["prediction"])
        #expect(GoldenTests.Difference(found.values, wanted.values).relative <= 1e-5)
        let plain = try #require(try golden.outputs(Computation(), golden.weights())["prediction"])
        #expect(GoldenTests.Difference(found.values, plain.values).relative > 1e-2)
        adapter.strength = 0
        if !isKept {
            let off = try #require(try golden.outputs(Computation(), weights)["prediction"])
            #expect(off.values == plain.values)
        }
    }

    @Test func namesTheWeightThatDoesNotFit() throws {
        let golden = try Golden("unet-sd1")
        let name = "time_embedding.linear_1.weight"
        let weights = try golden.weights()
        weights.adapters = [LowRankAdapter([name: [try LowRankUpdate(up: numbers(6, 1), down: numbers(4, 2), rank: 2, scale: 1)]])]
        #expect {
            try golden.outputs(Computation(), weights)
        } throws: { error in (error as? IsomerError)?.location.item == name }
        #expect(throws: IsomerError.self) { try LowRankUpdate(up: numbers(5, 1), down: numbers(4, 2), rank: 2, scale: 1) }
    }

    private final class Replacement: WeightAdapter {
        private let values: [String: [Float]]
        init(_ values: [String: [Float]]) { self.values = values }
        func changes(_ name: String) -> Bool { values[name] != nil }
        func apply(to target: UnsafeMutableBufferPointer<Float>, name: String, shape: [Int]) throws(IsomerError) {
            _ = target.update(fromContentsOf: values[name] ?? [])
        }
    }
}
