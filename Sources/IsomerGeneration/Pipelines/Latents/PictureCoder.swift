import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerImages
import IsomerNetworks

/// The way between pictures and the latents that a denoiser sees: the autoencoder, and the scaling around it.
struct PictureCoder {
    /// Pixels along a side for each latent pixel.
    let magnification: Int
    let latentChannels: Int
    private let network: AutoencoderKL
    private let tile: Int?

    /// `tile`: the side of tiles in latent pixels, where pictures are not decoded whole.
    init(_ model: GenerationModel, tile: Int?) throws(IsomerError) {
        let configuration: AutoencoderKLConfiguration = try model.configuration("vae")
        network = try AutoencoderKL(configuration)
        magnification = network.magnification
        latentChannels = configuration.latentChannels
        self.tile = tile
    }

    /// What a latent pixel is multiplied with and moved by on the way to the picture, for each channel.
    private var scaling: [(factor: Float, shift: Float)] {
        let configuration = network.configuration
        let factor = configuration.scalingFactor ?? AutoencoderKLConfiguration.usualScalingFactor
        if let means = configuration.latentsMean, let deviations = configuration.latentsDeviation, means.count == latentChannels,
            deviations.count == latentChannels
        {
            return zip(means, deviations).map { (Float($1 / factor), Float($0)) }
        }
        return Array(repeating: (Float(1 / factor), Float(configuration.shiftFactor ?? 0)), count: latentChannels)
    }

    /// Pictures, `[height, width, 3]` from -1 to 1 or a little beyond, of latents.
    func decode(_ latents: [Values], in session: ModelSession) throws(IsomerError) -> [Values] {
        let stage = try session.stage("vae")
        defer { session.rest("vae") }
        let scaling = scaling
        var pictures: [Values] = []
        // One by one: pictures take far more memory than latents, and nothing is gained by doing several at once.
        for latent in latents {
            var scaled = latent
            for place in scaled.numbers.indices {
                let (factor, shift) = scaling[place % scaling.count]
                scaled.numbers[place] = scaled.numbers[place] * factor + shift
            }
            pictures += try stage.run { c, module throws(IsomerError) in
                let input = try Values.stacked([scaled]).tensor(c)
                guard let tile else { return [try network.decode(c, module, input)] }
                return [try network.decodeTiled(c, module, input, tile: tile)]
            }[0].unstacked()
        }
        return pictures
    }

    /// The latent of a picture, `[height, width, 3]` from -1 to 1: drawn from what the encoder tells with `noise`, or without noise the mean.
    func encode(_ picture: Values, noise: Values?, in session: ModelSession) throws(IsomerError) -> Values {
        try encode(picture, noise: noise, isScaled: true, in: session)
    }

    /// The same before it is scaled, as models see it that look at a picture beside the latent and were trained so.
    func encode(_ picture: Values, noise: Values?, isScaled: Bool, in session: ModelSession) throws(IsomerError) -> Values {
        let stage = try session.stage("vae")
        defer { session.rest("vae") }
        let moments = try stage.run { c, module throws(IsomerError) in
            let input = try Values.stacked([picture]).tensor(c)
            guard let tile else { return [try network.encode(c, module, input)] }
            return [try network.encodeTiled(c, module, input, tile: tile)]
        }[0].unstacked()[0]
        let channels = latentChannels
        let shape = [moments.shape[0], moments.shape[1], channels]
        guard moments.isReal else { return Values(shape) }
        var latent = Values.zeros(shape)
        let scaling = scaling
        for pixel in 0..<shape[0] * shape[1] {
            for channel in 0..<channels {
                let place = pixel * channels + channel
                var value = moments.numbers[pixel * 2 * channels + channel]
                if let noise {
                    let logarithm = min(max(moments.numbers[pixel * 2 * channels + channels + channel], -30), 20)
                    value += Elementary.exponential(0.5 * logarithm) * noise.numbers[place]
                }
                latent.numbers[place] = isScaled ? (value - scaling[channel].shift) / scaling[channel].factor : value
            }
        }
        return latent
    }
}

extension Values {
    /// A picture from -1 to 1 as 8-bit samples, rounded as NumPy rounds.
    func bitmap() throws(IsomerError) -> Bitmap {
        let bytes = numbers.map { number -> UInt8 in
            let scaled = (min(max(number / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven)
            // Not a number: a broken model's picture is black rather than none.
            return scaled.isNaN ? 0 : UInt8(scaled)
        }
        return try Bitmap(width: shape[1], height: shape[0], channels: .rgb, bytes: bytes)
    }
}
