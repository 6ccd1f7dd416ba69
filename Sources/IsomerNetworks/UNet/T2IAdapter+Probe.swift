import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension T2IAdapter: ProbedNetwork {
    /// On a picture as large as the one that latents of `size` times `size` stand for.
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output] {
        let side = (size.rounded(upTo: 2) * 8).rounded(upTo: sizeUnit)
        return .numbered("features", try self(c, weights.root, inputs.tensor(c, "picture", [1, side, side, pictureChannels])))
    }
}
