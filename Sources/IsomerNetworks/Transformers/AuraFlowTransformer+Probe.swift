import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension AuraFlowTransformer: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = min(largestSide, size.rounded(upTo: sizeUnit))
        let sample = try inputs.tensor(c, "sample", [1, side, side, inputChannels])
        let context = try inputs.tensor(c, "context", [1, ProbeInputs.tokens, configuration.contextWidth])
        let times = inputs.times(1).map { $0 / 1000 }
        return [.init("prediction", try self(c, weights.root, sample: sample, times: times, context: context))]
    }
}
