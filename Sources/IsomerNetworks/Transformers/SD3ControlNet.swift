public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// A ControlNet of Stable Diffusion 3 and 3.5.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet_sd3.py.
public struct SD3ControlNet {
    /// What the network is like.
    public let configuration: SD3ControlNetConfiguration
    private let heads: Int

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: SD3ControlNetConfiguration) throws(IsomerError) {
        guard let headWidth = configuration.headWidth else {
            throw .undecided("the number of attention heads", of: SD3ControlNetConfiguration.title)
        }
        guard headWidth > 0, configuration.width % headWidth == 0, configuration.layers > 0, configuration.patchSize > 0 else {
            throw IsomerError(.malformed, "the ControlNet's width does not divide into heads", found: "\(configuration.width)")
        }
        self.configuration = configuration
        heads = configuration.width / headWidth
    }

    /// Whether it has an embedding of the latent of its own, else it takes the base model's tokens (`SD3Transformer.embedded`).
    public var embedsLatent: Bool { configuration.positionsSide != nil }

    /// What is to be added after the base model's blocks, one tensor for each of this network's.
    ///
    /// - Parameters:
    ///   - sample: the latent `[images, height, width, inputChannels]`, or the base model's tokens where `embedsLatent` is false.
    ///   - condition: the second latent, `[images, height, width, inputChannels + extraChannels]`.
    ///   - context: the text, where the network looks at it.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, condition: Tensor, times: [Float], pooled: Tensor, context: Tensor?,
        scale: Float = 1
    ) throws(IsomerError) -> [Tensor] {
        let width = configuration.width
        var x = sample
        if let side = configuration.positionsSide {
            x = try c.embeddedPatches(
                sample, weights["pos_embed"], channels: configuration.inputChannels, patch: configuration.patchSize, width: width,
                positionsSide: side)
        }
        x = try c.add(
            x,
            c.embeddedPatches(
                condition, weights["pos_embed_input"], channels: configuration.inputChannels + configuration.extraChannels,
                patch: configuration.patchSize, width: width, positionsSide: nil))
        guard times.count == x.shape[0] else {
            throw IsomerError(.mismatch, "there must be one time for each picture", expected: "\(x.shape[0])", found: "\(times.count)")
        }
        let time = try c.timeTextEmbedding(weights["time_text_embed"], times: times, guidance: nil, pooled: pooled, width: width)
        let pass = JointPass(
            c: c, width: width, heads: heads, normalisesHeads: configuration.normalizedHeadWidth != nil, time: time)
        var text: Tensor?
        if configuration.contextWidth != nil {
            guard let context else { throw IsomerError(.usage, "the ControlNet wants the text") }
            text = try c.linear(context, weights["context_embedder"], outputs: width)
        }
        let dual = Set(configuration.dualAttentionLayers)
        var answers: [Tensor] = []
        for layer in 0..<configuration.layers {
            let module = weights["transformer_blocks"]["\(layer)"]
            if let known = text {
                let next = try pass.jointBlock(known, x, module, hasSecondAttention: dual.contains(layer))
                (text, x) = (next.context, next.x)
            } else {
                x = try pass.pictureBlock(x, module)
            }
            answers.append(try c.linear(x, weights["controlnet_blocks"]["\(layer)"], outputs: width, scale: scale))
        }
        return answers
    }
}
