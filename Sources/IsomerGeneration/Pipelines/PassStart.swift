import IsomerBytes
import IsomerImages

/// What a denoising pass begins with: noise or noised pictures, and what the denoiser sees beside them, image by image.
///
/// Random numbers are drawn in the order in which diffusers' pipelines draw them: the picture's, the noise, the masked picture's.
struct PassStart {
    /// Before the first call, `[height, width, channels]`, one for each image.
    private(set) var latents: [Values] = []
    /// The latents of the pictures that images begin with; none if they begin with noise alone.
    private(set) var originals: [Values] = []
    /// The noise that each image begins with.
    private(set) var noise: [Values] = []
    /// The latents of what each image's denoiser sees, where they are drawn with its random numbers.
    private var seen: [Values] = []

    let sampler: any Sampler
    let firstCall: Int

    private let pipeline: GenerationPipeline
    private let shape: [Int]
    /// What is edited.
    private let picture: Values?
    /// What each image begins with or is shown.
    private let pictures: [Values?]
    /// In pixels, `[height, width, 1]`: 1 is made anew, 0 kept.
    private let mask: Values?
    private let startsAnew: Bool
    private let begins: Bool

    /// Settles where on the way down the pass begins.
    init(_ pipeline: GenerationPipeline, _ settings: DenoisingPass.Settings, imageCount: Int) throws(IsomerError) {
        self.pipeline = pipeline
        let (size, side) = (settings.size, pipeline.coder.magnification)
        shape = [size.height / side, size.width / side, pipeline.base.denoiser.latentChannels]
        mask = try pipeline.inputs.mask?.mask(size)
        picture = settings.picture
        pictures = settings.pictures.isEmpty ? Array(repeating: settings.picture, count: imageCount) : settings.pictures
        // What is usual: an inpainted part is made anew, a picture changed for the most part.
        let strength = settings.strength ?? (mask != nil ? 1 : 0.8)
        startsAnew = mask != nil && strength == 1
        begins = pictures.contains { $0 != nil } && pipeline.base.denoiser.surroundings != .picture
        // Latent consistency models' own pipeline spreads all steps over the part that is left; others leave the first steps out.
        let isSpread = begins && mask == nil && pipeline.spreadsStrength
        sampler = try pipeline.plan.sampler(steps: settings.steps, strength: isSpread ? strength : 1)
        firstCall = begins && !isSpread ? sampler.firstCall(strength: strength) : 0
    }

    private var isEdited: Bool { pipeline.base.denoiser.surroundings == .picture }
    private var isFilled: Bool { pipeline.base.denoiser.surroundings == .maskedPicture }
    private var isDrawn: Bool { pipeline.base.drawsSurroundings }

    /// The next image's latents, with the random numbers `random`.
    mutating func addImage(_ random: inout ImageNoise, _ session: ModelSession) throws(IsomerError) {
        let picture = pictures[latents.count]
        if let picture, isEdited, isDrawn { seen.append(try encode(picture, &random, session)) }
        var original: Values?
        if let picture, begins, !isFilled || !startsAnew || isDrawn { original = try encode(picture, &random, session) }
        let initial = session.isRehearsal ? Values(shape) : random.initial(shape)
        noise.append(initial)
        if let original, !startsAnew {
            latents.append(noised(original, initial))
        } else {
            latents.append(initial.mapped { $0 * sampler.initialDeviation })
        }
        if let picture, let mask {
            // Drawn also where nobody looks at the masked picture, as diffusers does.
            let drawn = drawn(&random, session)
            if isFilled { seen.append(try pipeline.coder.encode(picture.hidden(where: mask), noise: drawn, in: session)) }
        }
        if let original { originals.append(original) }
        random.beginSampling()
    }

    private func encode(_ picture: Values, _ random: inout ImageNoise, _ session: ModelSession) throws(IsomerError) -> Values {
        try pipeline.coder.encode(picture, noise: drawn(&random, session), in: session)
    }

    private func drawn(_ random: inout ImageNoise, _ session: ModelSession) -> Values {
        session.isRehearsal ? Values(shape) : random.next(shape)
    }

    private func noised(_ image: Values, _ noise: Values) -> Values {
        // With nothing to change there is no step to be made ready for.
        guard image.isReal, noise.isReal, firstCall < sampler.timesteps.count else { return image }
        return Values(image.shape, sampler.noised(image.numbers, noise.numbers, at: firstCall))
    }

    /// The mask in latent pixels, where `originals` are put back after each step; `nil` where the denoiser sees to that, or there is none.
    var keepingMask: Values? {
        guard pipeline.base.denoiser.surroundings == .nothing, originals.count == latents.count else { return nil }
        return mask?.thinned(by: pipeline.coder.magnification)
    }

    /// The channels beside the latents, by branch of guidance and image: those of the picture that is edited, or the mask and what it leaves.
    /// None for a denoiser that sees nothing else.
    func surroundings(_ session: ModelSession) throws(IsomerError) -> [[Values]] {
        let branchCount = pipeline.guidance.branchCount
        if isEdited, isDrawn { return Array(repeating: seen, count: branchCount) }
        if isEdited, let picture {
            let seen = try pipeline.coder.encode(picture, noise: nil, isScaled: false, in: session)
            return [seen, seen, .zeros(seen.shape)].prefix(branchCount).map { Array(repeating: $0, count: latents.count) }
        }
        guard isFilled, let mask else { return Array(repeating: [], count: branchCount) }
        let side = pipeline.coder.magnification
        let masked = isDrawn ? mask.unfolded(by: side) : mask.thinned(by: side)
        let together = seen.map { Values.beside(isDrawn ? [$0, masked] : [masked, $0]) }
        return Array(repeating: together, count: branchCount)
    }
}

extension Values {
    /// A picture without what a mask shows, which becomes gray.
    fileprivate func hidden(where mask: Values) -> Values {
        guard isReal, mask.isReal, let channels = shape.last else { return self }
        var result = self
        for place in result.numbers.indices where mask.numbers[place / channels] >= 0.5 { result.numbers[place] = 0 }
        return result
    }
}
