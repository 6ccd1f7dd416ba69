import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension T5Encoder: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let ids = inputs.ids(texts: 1, tokens: ProbeInputs.tokens, count: configuration.vocabularySize)
        return [.init("last", try self(c, weights.root, ids: ids, images: 1))]
    }
}
