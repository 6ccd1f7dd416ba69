import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension AutoencoderKL: ProbedNetwork {
    /// Encodes pictures and decodes latents, each made up for itself.
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = size * magnification
        let moments = try encode(c, weights.root, inputs.tensor(c, "pictures", [1, side, side, configuration.inputChannels]))
        let latents = try inputs.tensor(c, "latents", [1, size, size, configuration.latentChannels])
        return [.init("moments", moments), .init("pictures", try decode(c, weights.root, latents))]
    }
}
