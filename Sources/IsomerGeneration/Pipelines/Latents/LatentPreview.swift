import IsomerArchitectures
public import IsomerBytes
import IsomerCompute
import IsomerConversion
public import IsomerImages
import IsomerMapping
import IsomerNetworks

/// Small pictures of latents on their way: each latent pixel's colour as a sum of its channels, or what a tiny autoencoder makes of them.
public struct LatentPreview {
    private enum Way {
        /// Red, green and blue of each channel, and of none.
        case projection([SIMD3<Float>], SIMD3<Float>)
        case network(AutoencoderTiny, NetworkStage)
    }

    private let way: Way

    /// Throws `unsupported` for latents whose colours are not known; a tiny autoencoder helps then.
    public init(_ pipeline: GenerationPipeline) throws(IsomerError) {
        let (colours, offset) = Self.colours(of: pipeline.base.kind.latents)
        guard colours.count == pipeline.base.denoiser.latentChannels else {
            throw IsomerError(
                .unsupported, "it is not known how this model's latents look", path: pipeline.base.model.path,
                remedy: "name a tiny autoencoder for them with --preview-model")
        }
        way = .projection(colours, offset)
    }

    /// With the tiny autoencoder (TAESD) at `path`. Throws `mismatch` if it is none for the pipeline's latents.
    public init(_ pipeline: GenerationPipeline, decoder path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        var request = ConversionRequest(source: path)
        request.limits = limits
        let model = try Model(request)
        let channels = pipeline.base.denoiser.latentChannels
        guard let component = model.components.values.first, model.components.count == 1,
            let configuration = component.configuration as? AutoencoderTinyConfiguration, configuration.latentChannels == channels
        else {
            throw IsomerError(
                .mismatch, "this is no tiny autoencoder for the model's latents", path: path, expected: "one for \(channels) channels",
                found: model.family.title)
        }
        let plan = try model.diffusersPlan(request)
        way = .network(
            try AutoencoderTiny(configuration),
            NetworkStage("preview", try PlannedTensorSource(plan), ComputeSettings(), isRehearsal: false, keepsMade: false))
    }

    /// The picture of a latent.
    public func bitmap(_ latent: Values) throws(IsomerError) -> Bitmap {
        let calm = Self.calmed(latent)
        switch way {
        case .projection(let colours, let offset):
            var numbers: [Float] = []
            numbers.reserveCapacity(latent.shape[0] * latent.shape[1] * 3)
            for pixel in 0..<latent.shape[0] * latent.shape[1] {
                var colour = offset
                for (channel, each) in colours.enumerated() { colour += each * calm.numbers[pixel * colours.count + channel] }
                numbers += [colour.x, colour.y, colour.z]
            }
            return try Values([latent.shape[0], latent.shape[1], 3], numbers).bitmap().resampled(
                to: PixelSize(latent.shape[1] * Self.magnification, latent.shape[0] * Self.magnification), filter: .bilinear)
        case .network(let network, let stage):
            let made = try stage.run { c, module throws(IsomerError) in
                [try network.decode(c, module, Values.stacked([calm]).tensor(c))]
            }
            return try made[0].unstacked()[0].bitmap()
        }
    }

    /// Pixels of the picture along a side of each latent pixel, in every space whose colours are known.
    private static let magnification = 8

    /// Latents of samplers that begin at a great deviation, brought down to what pictures have.
    private static func calmed(_ latent: Values) -> Values {
        let squares = latent.numbers.reduce(0.0) { $0 + Double($1) * Double($1) }
        let deviation = (squares / Double(max(1, latent.numbers.count))).squareRoot()
        guard deviation > 1, deviation.isFinite else { return latent }
        return latent.mapped { $0 / Float(deviation) }
    }

    /// Red, green and blue of each latent channel and of none, fitted to decoded pictures by those who published them.
    ///
    /// Reference: ComfyUI 0.3, comfy/latent_formats.py.
    private static func colours(of space: LatentSpace) -> (channels: [SIMD3<Float>], offset: SIMD3<Float>) {
        switch space {
        case .stableDiffusion:
            (
                [
                    SIMD3(0.3512, 0.2297, 0.3227), SIMD3(0.3250, 0.4974, 0.2350), SIMD3(-0.2829, 0.1762, 0.2721),
                    SIMD3(-0.2120, -0.2616, -0.7177),
                ],
                .zero
            )
        case .stableDiffusionXL:
            (
                [
                    SIMD3(0.3651, 0.4232, 0.4341), SIMD3(-0.2533, -0.0042, 0.1068), SIMD3(0.1076, 0.1111, -0.0362),
                    SIMD3(-0.3165, -0.2492, -0.2188),
                ],
                SIMD3(0.1084, -0.0175, -0.0011)
            )
        case .stableDiffusion3:
            (
                [
                    SIMD3(-0.0922, -0.0175, 0.0749), SIMD3(0.0311, 0.0633, 0.0954), SIMD3(0.1994, 0.0927, 0.0458),
                    SIMD3(0.0856, 0.0339, 0.0902),
                    SIMD3(0.0587, 0.0272, -0.0496), SIMD3(-0.0006, 0.1104, 0.0309), SIMD3(0.0978, 0.0306, 0.0427),
                    SIMD3(-0.0042, 0.1038, 0.1358),
                    SIMD3(-0.0194, 0.0020, 0.0669), SIMD3(-0.0488, 0.0130, -0.0268), SIMD3(0.0922, 0.0988, 0.0951),
                    SIMD3(-0.0278, 0.0524, -0.0542), SIMD3(0.0332, 0.0456, 0.0895), SIMD3(-0.0069, -0.0030, -0.0810),
                    SIMD3(-0.0596, -0.0465, -0.0293), SIMD3(-0.1448, -0.1463, -0.1189),
                ],
                SIMD3(0.2394, 0.2135, 0.1925)
            )
        case .flux:
            (
                [
                    SIMD3(-0.0346, 0.0244, 0.0681), SIMD3(0.0034, 0.0210, 0.0687), SIMD3(0.0275, -0.0668, -0.0433),
                    SIMD3(-0.0174, 0.0160, 0.0617),
                    SIMD3(0.0859, 0.0721, 0.0329), SIMD3(0.0004, 0.0383, 0.0115), SIMD3(0.0405, 0.0861, 0.0915),
                    SIMD3(-0.0236, -0.0185, -0.0259),
                    SIMD3(-0.0245, 0.0250, 0.1180), SIMD3(0.1008, 0.0755, -0.0421), SIMD3(-0.0515, 0.0201, 0.0011),
                    SIMD3(0.0428, -0.0012, -0.0036), SIMD3(0.0817, 0.0765, 0.0749), SIMD3(-0.1264, -0.0522, -0.1103),
                    SIMD3(-0.0280, -0.0881, -0.0499), SIMD3(-0.1262, -0.0982, -0.0778),
                ],
                SIMD3(-0.0329, -0.0718, -0.0851)
            )
        }
    }
}
