import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

extension CLIPTextEncoder {
    /// Reads made-up texts of full length.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, texts: Int = 1, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> Output {
        let ids = inputs.ids(texts: texts, tokens: configuration.positions, count: configuration.vocabularySize)
        return try self(c, weights.root, ids: ids, images: texts)
    }
}

extension CLIPTextEncoder: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let made = try rehearse(c, weights, inputs: inputs)
        var outputs: [NetworkProbe.Output] = [.init("last", made.last), .init("pooled", made.pooled)]
        if let penultimate = made.hiddenStates.first { outputs.append(.init("penultimate", penultimate)) }
        if let projected = made.projected { outputs.append(.init("projected", projected)) }
        return outputs
    }
}
