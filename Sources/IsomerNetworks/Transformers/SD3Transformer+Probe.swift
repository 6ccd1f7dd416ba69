import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension SD3Transformer: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = min(configuration.positionsSide * configuration.patchSize, size.rounded(upTo: sizeUnit))
        let sample = try inputs.tensor(c, "sample", [1, side, side, configuration.inputChannels])
        let conditioning = Conditioning(
            context: try inputs.tensor(c, "context", [1, ProbeInputs.tokens, configuration.contextWidth]),
            pooled: try inputs.tensor(c, "pooled", [1, configuration.pooledWidth]))
        return [.init("prediction", try self(c, weights.root, sample: sample, times: inputs.times(1), conditioning))]
    }
}
