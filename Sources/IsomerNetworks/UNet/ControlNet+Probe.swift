import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension ControlNet: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = size.rounded(upTo: sizeUnit)
        let sample = try inputs.tensor(c, "sample", [1, side, side, configuration.encoder.inputChannels])
        let picture = try inputs.tensor(
            c, "picture", [1, side * pictureMagnification, side * pictureMagnification, configuration.conditioningChannels])
        let made = try self(
            c, weights.root, sample: sample, times: inputs.times(1), conditions: [Condition(picture)],
            inputs.conditioning(c, configuration.encoder, images: 1, tokens: ProbeInputs.tokens))
        return .numbered("down", made.down) + [.init("middle", made.middle)]
    }
}
