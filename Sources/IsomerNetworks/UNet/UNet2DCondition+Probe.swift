import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

extension UNet2DCondition {
    /// Runs once on made-up inputs: `images` latents of `height` times `width`.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, height: Int? = nil, width: Int? = nil, images: Int = 2, tokens: Int = 77,
        inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> Tensor {
        let sample = try inputs.tensor(
            c, "sample", [images, height ?? 2 * sizeUnit, width ?? sizeUnit, configuration.inputChannels])
        let conditioning = try inputs.conditioning(c, configuration, images: images, tokens: tokens)
        return try self(c, weights.root, sample: sample, times: inputs.times(images), conditioning)
    }
}

extension UNet2DCondition: ProbedNetwork {
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = size.rounded(upTo: sizeUnit)
        return [.init("prediction", try rehearse(c, weights, height: side, width: side, images: 1, inputs: inputs))]
    }
}
