import IsomerArchitectures

// The configurations that published models share. What only one family has stands with it.

extension UNetConfiguration {
    /// The four resolutions that Stable Diffusion 1 and 2 share.
    static func stableDiffusion(channels: Int, context: Int, linear: Bool) -> UNetConfiguration {
        let widths = [320, 640, 1280, 1280]
        var unet = UNetConfiguration(
            inputChannels: channels, outputChannels: 4,
            down: widths.enumerated().map { Block(channels: $1, layers: 2, depth: $0 < 3 ? 1 : nil) },
            middle: .attention(depth: 1),
            up: widths.reversed().enumerated().map { Block(channels: $1, layers: 3, depth: $0 > 0 ? 1 : nil) },
            crossAttentionWidth: context, usesLinearProjection: linear)
        unet.normGroups = 32
        unet.upcastsAttention = false
        return unet
    }

    /// Three resolutions, depths after each layer.
    static func stableDiffusionXL(
        channels: Int = 4, down: [[Int?]] = [[nil, nil], [2, 2], [10, 10]], middle: Middle = .attention(depth: 10),
        up: [[Int?]] = [[10, 10, 10], [2, 2, 2], [nil, nil, nil]]
    ) -> UNetConfiguration {
        let widths = [320, 640, 1280]
        var unet = UNetConfiguration(
            inputChannels: channels, outputChannels: 4, down: zip(widths, down).map { Block(channels: $0, depths: $1) }, middle: middle,
            up: zip(widths.reversed(), up).map { Block(channels: $0, depths: $1) }, crossAttentionWidth: 2048, usesLinearProjection: true,
            additionWidth: 2816)
        unet.headCounts = [5, 10, 20]
        unet.setUsual()
        return unet
    }

    /// Four resolutions, wider.
    static let stableDiffusionXLRefiner: UNetConfiguration = {
        let widths = [384, 768, 1536, 1536]
        var unet = UNetConfiguration(
            inputChannels: 4, outputChannels: 4,
            down: zip(widths, [nil, 4, 4, nil]).map { Block(channels: $0, layers: 2, depth: $1) }, middle: .attention(depth: 4),
            up: zip(widths.reversed(), [nil, 4, 4, nil]).map { Block(channels: $0, layers: 3, depth: $1) }, crossAttentionWidth: 1280,
            usesLinearProjection: true, additionWidth: 2560)
        unet.headCounts = [6, 12, 24, 24]
        unet.setUsual()
        return unet
    }()

    private mutating func setUsual() {
        sampleSize = 128
        additionTimeWidth = 256
        normGroups = 32
        upcastsAttention = false
    }
}

extension AutoencoderKLConfiguration {
    /// The autoencoder that Stable Diffusion 1 and 2 share.
    static func stableDiffusion(sampleSize: Int) -> AutoencoderKLConfiguration {
        var vae = AutoencoderKLConfiguration(
            inputChannels: 3, outputChannels: 3, channels: [128, 256, 512, 512], layers: 2, latentChannels: 4)
        vae.scalingFactor = 0.18215
        vae.sampleSize = sampleSize
        vae.forcesUpcast = true
        vae.normGroups = 32
        return vae
    }

    /// The same network as Stable Diffusion 1's, trained anew: its latents have another scale.
    static let stableDiffusionXL: AutoencoderKLConfiguration = {
        var vae = AutoencoderKLConfiguration.stableDiffusion(sampleSize: 1024)
        vae.scalingFactor = 0.13025
        return vae
    }()

    /// Stable Diffusion 3's: sixteen channels, no convolutions around the latent.
    static let stableDiffusion3: AutoencoderKLConfiguration = {
        var vae = AutoencoderKLConfiguration(
            inputChannels: 3, outputChannels: 3, channels: [128, 256, 512, 512], layers: 2, latentChannels: 16, hasQuantConvolution: false,
            hasPostQuantConvolution: false)
        vae.scalingFactor = 1.5305
        vae.shiftFactor = 0.0609
        vae.sampleSize = 1024
        vae.forcesUpcast = true
        vae.normGroups = 32
        return vae
    }()

    /// Flux's: the same network, trained anew.
    static let flux: AutoencoderKLConfiguration = {
        var vae = stableDiffusion3
        vae.scalingFactor = 0.3611
        vae.shiftFactor = 0.1159
        return vae
    }()
}

extension AutoencoderTinyConfiguration {
    /// Those for sixteen channels differ in nothing else.
    static let taesd = AutoencoderTinyConfiguration(
        latentChannels: 4, width: 64, encoderBlocks: [1, 3, 3, 3], decoderBlocks: [3, 3, 3, 1])
}

extension CLIPTextConfiguration {
    /// OpenAI's ViT-L/14.
    static let vitL: CLIPTextConfiguration = {
        var text = CLIPTextConfiguration(vocabularySize: 49_408, positions: 77, width: 768, feedForwardWidth: 3_072, layers: 12)
        text.headCount = 12
        text.activation = .quickGELU
        text.declaredProjectionWidth = 768
        return text
    }()

    /// OpenCLIP's ViT-bigG/14.
    static let bigG: CLIPTextConfiguration = {
        var text = CLIPTextConfiguration(
            vocabularySize: 49_408, positions: 77, width: 1280, feedForwardWidth: 5_120, layers: 32, projectionWidth: 1280)
        text.headCount = 20
        text.activation = .gelu
        return text
    }()

    /// OpenCLIP's ViT-H/14, whole.
    static let vitH: CLIPTextConfiguration = {
        var text = CLIPTextConfiguration(
            vocabularySize: 49_408, positions: 77, width: 1024, feedForwardWidth: 4_096, layers: 24, projectionWidth: 1024)
        text.headCount = 16
        text.activation = .gelu
        return text
    }()

    /// OpenAI's ViT-L/14 with its projection, as Stable Diffusion 3 uses it.
    static let projectedVitL: CLIPTextConfiguration = {
        var text = vitL
        text.projectionWidth = 768
        return text
    }()

    /// LongCLIP's ViT-L/14.
    static let longVitL: CLIPTextConfiguration = {
        var text = projectedVitL
        text.positions = 248
        return text
    }()
}

extension T5EncoderConfiguration {
    /// The encoder of T5 1.1 XXL.
    static let xxl = T5EncoderConfiguration(
        vocabularySize: 32_128, width: 4096, headCount: 64, headWidth: 64, feedForwardWidth: 10_240, layers: 24, isGated: true)
}
