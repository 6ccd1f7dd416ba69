import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension SD3ControlNet: ProbedNetwork {
    /// On a latent, or on tokens where the network takes the base model's.
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let patch = configuration.patchSize
        let wanted = size.rounded(upTo: 2).rounded(upTo: patch)
        let side = min(wanted, (configuration.positionsSide ?? wanted) * patch)
        let squares = side / patch * (side / patch)
        let sample =
            embedsLatent
            ? try inputs.tensor(c, "sample", [1, side, side, configuration.inputChannels])
            : try inputs.tensor(c, "tokens", [1, squares, configuration.width])
        let condition = try inputs.tensor(
            c, "condition", [1, side, side, configuration.inputChannels + configuration.extraChannels])
        var context: Tensor?
        if let width = configuration.contextWidth { context = try inputs.tensor(c, "context", [1, ProbeInputs.tokens, width]) }
        let blocks = try self(
            c, weights.root, sample: sample, condition: condition, times: inputs.times(1),
            pooled: inputs.tensor(c, "pooled", [1, configuration.pooledWidth]), context: context)
        return .numbered("block", blocks)
    }
}
