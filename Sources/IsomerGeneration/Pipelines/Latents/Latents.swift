import IsomerBytes

/// A latent image outside a pass: rows from the top, pixels from the left, channels interleaved, `[height, width, channels]`.
extension Values {
    /// Out of the order in which PyTorch draws and stores latents, channel by channel.
    init(channelsFirst numbers: [Float], height: Int, width: Int, channels: Int) {
        let pixels = height * width
        var turned = [Float](repeating: 0, count: numbers.count)
        if numbers.count == pixels * channels {
            for channel in 0..<channels {
                for pixel in 0..<pixels { turned[pixel * channels + channel] = numbers[channel * pixels + pixel] }
            }
        }
        self.init([height, width, channels], turned)
    }

    /// In the order in which PyTorch stores latents.
    public var channelsFirst: [Float] {
        guard shape.count == 3, isReal else { return [] }
        let (pixels, channels) = (shape[0] * shape[1], shape[2])
        var turned = [Float](repeating: 0, count: numbers.count)
        for channel in 0..<channels {
            for pixel in 0..<pixels { turned[channel * pixels + pixel] = numbers[pixel * channels + channel] }
        }
        return turned
    }
}

/// The random numbers of one image, in the order in which diffusers' pipelines draw them from one generator.
struct ImageNoise {
    let seed: UInt64
    private let settings: GenerationRequest
    private var generator: any NoiseGenerator

    /// Noise of image `number` of a request.
    init(_ request: GenerationRequest, image number: Int) {
        settings = request.request(forImage: number)
        seed = settings.seed
        generator = Self.generator(settings.randomness, settings.seed)
    }

    private static func generator(_ randomness: GenerationRequest.Randomness, _ seed: UInt64) -> any NoiseGenerator {
        switch randomness {
        case .torch: TorchNoise(seed: seed)
        case .cuda: PhiloxNoise(seed: seed)
        case .numpy: NumPyNoise(seed: UInt32(truncatingIfNeeded: seed))
        }
    }

    /// The noise to begin with.
    mutating func initial(_ shape: [Int]) -> Values {
        guard let variation = settings.variation, variation.strength > 0 else { return next(shape) }
        let start = InitialNoise(seed: seed, variation: variation)
        let drawn =
            switch settings.randomness {
            case .torch: start.noise(shape) { TorchNoise(seed: $0) }
            case .cuda: start.noise(shape) { PhiloxNoise(seed: $0) }
            case .numpy: start.noise(shape) { NumPyNoise(seed: UInt32(truncatingIfNeeded: $0)) }
            }
        _ = generator.normals(shape.reduce(1, *))
        return drawn
    }

    /// The next noise of a latent's shape.
    mutating func next(_ shape: [Int]) -> Values {
        let numbers = generator.normals(shape.reduce(1, *))
        return Values(channelsFirst: numbers, height: shape[0], width: shape[1], channels: shape[2])
    }

    /// The next noise for the sampler, `[height, width, channels]`. Where it sees tokens of `side` × `side` latent pixels, as with Flux, PyTorch's
    /// numbers are in the order of these: token by token, in each channel by channel.
    mutating func next(_ shape: [Int], inTokensOf side: Int) -> Values {
        let (height, width, channels) = (shape[0], shape[1], shape[2])
        guard side > 1, height % side == 0, width % side == 0 else { return next(shape) }
        let drawn = generator.normals(height * width * channels)
        var noise = [Float](repeating: 0, count: drawn.count)
        for row in 0..<height {
            for column in 0..<width {
                let token = (row / side * (width / side) + column / side) * channels
                for channel in 0..<channels {
                    let place = ((token + channel) * side + row % side) * side + column % side
                    noise[(row * width + column) * channels + channel] = drawn[place]
                }
            }
        }
        return Values(shape, noise)
    }

    /// What samplers draw comes from a generator of its own from here on, if the request says so.
    mutating func beginSampling() {
        if settings.samplerSeedOffset != 0 { generator = Self.generator(settings.randomness, seed &+ settings.samplerSeedOffset) }
    }
}

extension InitialNoise {
    fileprivate func noise<Generator: NoiseGenerator>(_ shape: [Int], _ generator: (UInt64) -> Generator) -> Values {
        let drawn = drawn(channels: shape[2], height: shape[0], width: shape[1], generator).noise
        return Values(channelsFirst: drawn, height: shape[0], width: shape[1], channels: shape[2])
    }
}
