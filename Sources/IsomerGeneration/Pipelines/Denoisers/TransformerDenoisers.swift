import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerNetworks

/// Stable Diffusion 3 and 3.5.
struct SD3Denoiser: Denoiser {
    let slot = "transformer"
    let latentChannels: Int
    let sizeUnit: Int
    let usualSide: Int
    private let network: SD3Transformer

    init(_ model: GenerationModel) throws(IsomerError) {
        let configuration: SD3TransformerConfiguration = try model.configuration(slot)
        network = try SD3Transformer(configuration)
        latentChannels = configuration.inputChannels
        sizeUnit = network.sizeUnit
        usualSide = configuration.sampleSize ?? 128
    }

    func predictions(
        of inputs: [Values], time: Float, _ branches: [Branch], _ place: StepPlace, in session: ModelSession
    ) throws(IsomerError) -> [[Values]] {
        let sample = batch(inputs, branches)
        let context = repeated(branches.map(\.text.context), inputs.count)
        let pooled = repeated(branches.compactMap(\.text.pooled), inputs.count)
        let results = try session.stage(slot).run { c, module throws(IsomerError) in
            [
                try network(
                    c, module, sample: sample.tensor(c), times: Array(repeating: time, count: sample.shape[0]),
                    SD3Transformer.Conditioning(context: context.tensor(c), pooled: pooled.tensor(c)))
            ]
        }
        return byBranch(results[0], inputs, branches)
    }
}

/// Flux.1: a token is four latent pixels.
struct FluxDenoiser: Denoiser {
    let slot = "transformer"
    let latentChannels: Int
    let sizeUnit = FluxTransformer.sizeUnit
    let usualSide = 128
    let surroundings: Surroundings
    let hasGuidance: Bool
    private let network: FluxTransformer

    /// `magnification`: the autoencoder's. The fill model sees the mask's pixels of each latent pixel as channels.
    init(_ model: GenerationModel, magnification: Int) throws(IsomerError) {
        let configuration: FluxTransformerConfiguration = try model.configuration(slot)
        network = try FluxTransformer(configuration)
        latentChannels = configuration.outputWidth / (Self.side * Self.side)
        hasGuidance = configuration.hasGuidance
        surroundings = Surroundings(
            channels: (configuration.inputWidth - configuration.outputWidth) / (Self.side * Self.side), latent: latentChannels,
            mask: magnification * magnification)
    }

    private static let side = 2
    var tokenSide: Int { Self.side }

    func predictions(
        of inputs: [Values], time: Float, _ branches: [Branch], _ place: StepPlace, in session: ModelSession
    ) throws(IsomerError) -> [[Values]] {
        let sample = batch(inputs, branches)
        let (height, width) = (sample.shape[1], sample.shape[2])
        let context = repeated(branches.map(\.text.context), inputs.count)
        let pooled = repeated(branches.compactMap(\.text.pooled), inputs.count)
        let strengths = branches.flatMap { branch in inputs.compactMap { _ in branch.guidance } }
        let results = try session.stage(slot).run { c, module throws(IsomerError) in
            let tokens = try c.patchify(sample.tensor(c), side: Self.side, order: .channelsFirst)
            let made = try network(
                c, module, tokens: tokens, positions: FluxTransformer.positions(height: height, width: width),
                times: Array(repeating: time / 1_000, count: sample.shape[0]),
                FluxTransformer.Conditioning(
                    context: context.tensor(c), pooled: pooled.tensor(c), guidance: hasGuidance ? strengths : nil))
            return [
                try c.unpatchify(made, rows: height / Self.side, columns: width / Self.side, side: Self.side, order: .channelsFirst)
            ]
        }
        return byBranch(results[0], inputs, branches)
    }
}
