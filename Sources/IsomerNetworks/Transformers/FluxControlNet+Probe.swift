import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension FluxControlNet: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let trunk = configuration.trunk
        let side = size.rounded(upTo: FluxTransformer.sizeUnit)
        let places = FluxTransformer.positions(height: side, width: side)
        let sample = try inputs.tensor(c, "sample", [1, places.count, trunk.inputWidth])
        let condition: Tensor
        if let widths = configuration.pictureWidths {
            let picture = side << (widths.count - 1)
            condition = try inputs.tensor(c, "picture", [1, picture, picture, 3])
        } else {
            condition = try inputs.tensor(c, "condition", [1, places.count, trunk.inputWidth])
        }
        let made = try self(
            c, weights.root, tokens: sample, condition: condition, positions: places, times: inputs.times(1).map { $0 / 1000 },
            context: inputs.tensor(c, "context", [1, ProbeInputs.tokens, trunk.contextWidth]),
            pooled: inputs.tensor(c, "pooled", [1, trunk.pooledWidth]), guidance: trunk.hasGuidance ? [3.5] : nil,
            mode: configuration.modes == nil ? nil : [0])
        return .numbered("block", made.double) + .numbered("single block", made.single)
    }
}
