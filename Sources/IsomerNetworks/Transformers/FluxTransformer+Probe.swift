import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension FluxTransformer: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = size.rounded(upTo: Self.sizeUnit)
        let places = Self.positions(height: side, width: side)
        let conditioning = Conditioning(
            context: try inputs.tensor(c, "context", [1, ProbeInputs.tokens, configuration.contextWidth]),
            pooled: try inputs.tensor(c, "pooled", [1, configuration.pooledWidth]), guidance: configuration.hasGuidance ? [3.5] : nil)
        let prediction = try self(
            c, weights.root, tokens: inputs.tensor(c, "sample", [1, places.count, configuration.inputWidth]), positions: places,
            times: inputs.times(1).map { $0 / 1000 }, conditioning)
        return [.init("prediction", prediction)]
    }
}
