import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension PixArtTransformer: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = size.rounded(upTo: sizeUnit)
        let sample = try inputs.tensor(c, "sample", [1, side, side, configuration.inputChannels])
        let width = configuration.captionWidth ?? configuration.contextWidth
        var conditioning = Conditioning(context: try inputs.tensor(c, "context", [1, ProbeInputs.tokens, width]))
        if configuration.isToldSizes { conditioning.sizes = [(1024, 1024, 1)] }
        return [.init("prediction", try self(c, weights.root, sample: sample, times: inputs.times(1), conditioning))]
    }
}
