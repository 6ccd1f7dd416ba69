import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// Forms of networks that few models have, on weights from a seed and inputs from a formula, against a few of the numbers that diffusers 0.42.1
/// computes with torch 2.13 from the same.
@Suite struct RareFormTests {
    private func weights(_ configuration: some NetworkConfiguration) throws -> Weights {
        let descriptors = try configuration.manifest().entries.map {
            try TensorDescriptor(name: $0.name, scalarType: .f32, shape: $0.shape)
        }
        return Weights(try RandomSource(descriptors, seed: 1))
    }

    /// From -1 to 1, all different.
    private func input(_ c: Computation, _ shape: [Int]) throws -> Tensor {
        try c.tensor(shape, (0..<shape.reduce(1, *)).map { Float($0 * 37 % 101) / 50 - 1 })
    }

    private func check(_ found: Tensor, _ sum: Float, _ first: [Float], _ what: String) {
        let values = found.values
        let largest = values.reduce(0) { max($0, abs($1)) }
        #expect(abs(values.reduce(0) { $0 + abs($1) } - sum) <= 2e-5 * sum, "\(what): \(values.reduce(0) { $0 + abs($1) })")
        for (mine, wanted) in zip(values, first) { #expect(abs(mine - wanted) <= 2e-5 * largest, "\(what): \(values.prefix(first.count))") }
    }

    /// `T2IAdapter(channels=[16, 32, 64], num_res_blocks=2, downscale_factor=4, adapter_type="light_adapter")`, whose picture does not halve evenly at every level.
    @Test func lightAdapters() throws {
        var configuration = T2IAdapterConfiguration(foldedChannels: 48, channels: [16, 32, 64, 64], layers: 2, isLight: true)
        configuration.foldedSide = 4
        let c = try Computation()
        let features = try T2IAdapter(configuration)(c, weights(configuration).root, input(c, [1, 40, 24, 3]))
        #expect(features.map(\.shape) == [[1, 10, 6, 16], [1, 5, 3, 32], [1, 3, 2, 64], [1, 2, 1, 64]])
        let wanted: [(Float, [Float])] = [
            (360.9933, [0.05520964, -0.7211304, -0.7975369, -0.09304283, 0.2735068, -0.60061]),
            (107.7365, [0.4023246, -0.3757133, -0.1409926, -0.4539492, -0.0539059, -0.09374875]),
            (78.1917, [-0.7012265, -0.2672408, -0.04224245, 0.3054484, 0.08164321, 0.2574558]),
            (17.19504, [0.3901109, 0.3881082, -0.2281106, 0.2099826, 0.103414, 0.2597372]),
        ]
        for (level, (sum, first)) in wanted.enumerated() { check(features[level], sum, first, "level \(level)") }
    }

    /// `UNet2DConditionModel` with `only_cross_attention=(False, True, False)`: levels that look at the text alone; classes from a table, and a strength of guidance that is an input.
    @Test func attentionToTheTextAlone() throws {
        var configuration = UNetConfiguration(
            inputChannels: 4, outputChannels: 4,
            down: [
                .init(channels: 16, layers: 1, depth: 1), .init(channels: 32, layers: 1, depth: 1),
                .init(channels: 32, layers: 1, depth: nil),
            ], middle: .attention(depth: 1),
            up: [
                .init(channels: 32, layers: 2, depth: nil), .init(channels: 32, layers: 2, depth: 1),
                .init(channels: 16, layers: 2, depth: 1),
            ], crossAttentionWidth: 24, usesLinearProjection: true, classEmbedding: .table(count: 5), guidanceWidth: 10, textOnlyLevels: [1]
        )
        configuration.headCounts = [2, 4, 4]
        configuration.normGroups = 8
        let c = try Computation()
        var conditioning = UNet2DCondition.Conditioning(context: try input(c, [2, 7, 24]))
        conditioning.classes = [3, 1]
        conditioning.guidance = [7.5, 2]
        let made = try UNet2DCondition(configuration)(
            c, weights(configuration).root, sample: input(c, [2, 8, 8, 4]), times: [981, 37], conditioning)
        check(made, 262.993, [-0.9925247, 0.4431798, 0.3820865, -0.2634321, -0.9069085, 0.499989], "prediction")
    }
}
