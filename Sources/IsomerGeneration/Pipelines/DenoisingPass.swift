import IsomerArchitectures
import IsomerBytes
import IsomerImages

/// From noise, or from a noised picture, to latents: one way down a sampler's steps, for a batch of images.
struct DenoisingPass {
    /// What tells one pass from another.
    struct Settings {
        var size: PixelSize
        var steps: Int
        /// How much of the picture may change.
        var strength: Double?
        /// The picture that all images begin with, if they begin with one.
        var picture: Values?
        /// Or one for each.
        var pictures: [Values] = []
    }

    /// As they are now.
    private(set) var latents: [Values]
    /// Calls of the denoiser from the first to the last.
    private(set) var calls = 0

    private let pipeline: GenerationPipeline
    private var samplers: [any Sampler]
    private let firstCall: Int
    private let branches: [Branch]
    private let refiningBranches: [Branch]
    /// What is put back of each picture where the mask is black, and with which noise.
    private var originals: [Values] = []
    private var noise: [Values] = []
    private var mask: Values?

    /// Prepares the latents. Random numbers are drawn in the order in which diffusers' pipelines draw them: the picture's, the noise, the
    /// masked picture's.
    init(
        _ pipeline: GenerationPipeline, _ settings: Settings, _ texts: (base: [TextFeatures], refiner: [TextFeatures]),
        _ noises: inout [ImageNoise], _ session: ModelSession
    ) throws(IsomerError) {
        self.pipeline = pipeline
        let (family, coder, size) = (pipeline.base, pipeline.coder, settings.size)
        let shape = [size.height / coder.magnification, size.width / coder.magnification, family.denoiser.latentChannels]
        let isEdited = family.denoiser.surroundings == .picture
        let isFilled = family.denoiser.surroundings == .maskedPicture
        let isDrawn = family.drawsSurroundings
        let mask = try pipeline.inputs.mask?.mask(size)
        // What is usual: an inpainted part is made anew, a picture changed for the most part.
        let strength = settings.strength ?? (mask != nil ? 1 : 0.8)
        let pictures = settings.pictures.isEmpty ? noises.map { _ in settings.picture } : settings.pictures.map { Optional($0) }
        let begins = pictures.contains { $0 != nil } && !isEdited
        // Latent consistency models' own pipeline spreads all steps over the part that is left; others leave the first steps out.
        let isSpread = begins && mask == nil && pipeline.spreadsStrength
        let sampler = try pipeline.plan.sampler(steps: settings.steps, strength: isSpread ? strength : 1)
        samplers = noises.map { _ in sampler }
        firstCall = begins && !isSpread ? sampler.firstCall(strength: strength) : 0
        calls = sampler.timesteps.count - firstCall

        latents = []
        var seen: [Values] = []
        for index in noises.indices {
            var original: Values?
            let startsAnew = mask != nil && strength == 1
            if let picture = pictures[index], isEdited, isDrawn {
                seen.append(try coder.encode(picture, noise: Self.drawn(&noises[index], shape, session), in: session))
            }
            if let picture = pictures[index], begins, !isFilled || !startsAnew || isDrawn {
                original = try coder.encode(picture, noise: Self.drawn(&noises[index], shape, session), in: session)
            }
            let initial = session.isRehearsal ? Values(shape) : noises[index].initial(shape)
            noise.append(initial)
            if let original, !startsAnew {
                latents.append(Self.noised(original, initial, sampler, firstCall))
            } else {
                latents.append(initial.mapped { $0 * sampler.initialDeviation })
            }
            if let picture = pictures[index], let mask {
                let drawn = Self.drawn(&noises[index], shape, session)
                if isFilled { seen.append(try coder.encode(picture.hidden(where: mask), noise: drawn, in: session)) }
            }
            if let original { originals.append(original) }
            noises[index].beginSampling()
        }
        let small = mask?.thinned(by: coder.magnification)
        if family.denoiser.surroundings == .nothing, originals.count == latents.count { self.mask = small }

        // Channels beside the latent: those of the picture that is edited, or the mask and what it leaves.
        var channels: [[Values]] = Array(repeating: [], count: pipeline.guidance.branchCount)
        if isEdited, isDrawn {
            channels = channels.map { _ in seen }
        } else if isEdited, let picture = settings.picture {
            let seen = try coder.encode(picture, noise: nil, isScaled: false, in: session)
            let images = latents.count
            channels = [seen, seen, .zeros(seen.shape)].prefix(channels.count).map { Array(repeating: $0, count: images) }
        } else if isFilled, let mask, let small {
            let unfolded = isDrawn ? mask.unfolded(by: coder.magnification) : small
            let together = seen.map { Values.beside(isDrawn ? [$0, unfolded] : [unfolded, $0]) }
            channels = channels.map { _ in together }
        }
        let scale = Float(pipeline.summary.guidanceScale)
        branches = family.branches(texts.base, channels, size, scale)
        refiningBranches = pipeline.refiner?.branches(texts.refiner, channels, size, scale) ?? []
    }

    private static func drawn(_ noise: inout ImageNoise, _ shape: [Int], _ session: ModelSession) -> Values {
        session.isRehearsal ? Values(shape) : noise.next(shape)
    }

    private static func noised(_ image: Values, _ noise: Values, _ sampler: any Sampler, _ call: Int) -> Values {
        // With nothing to change there is no step to be made ready for.
        guard image.isReal, noise.isReal, call < sampler.timesteps.count else { return image }
        return Values(image.shape, sampler.noised(image.numbers, noise.numbers, at: call))
    }

    /// Takes all steps. `body` is told after each call how many were made, and the latents.
    mutating func run(
        _ session: ModelSession, _ refining: ModelSession?, _ noises: inout [ImageNoise],
        _ body: (Int, [Values]) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        guard let times = samplers.first?.timesteps else { return }
        let cutoff = pipeline.request.refiner.map { pipeline.plan.cutoff($0.start) }
        var wasRefined = false
        for call in firstCall..<times.count {
            let place = StepPlace(call: call - firstCall, calls: times.count - firstCall)
            var isRefined = false
            if let cutoff, refining != nil { isRefined = times[call] < cutoff }
            if session.isRehearsal, call > firstCall, isRefined == wasRefined { continue }
            if isRefined, !wasRefined { session.rest(pipeline.base.denoiser.slot) }
            wasRefined = isRefined
            try predict(call, place, isRefined ? refining ?? session : session, isRefined: isRefined, &noises)
            if !session.isRehearsal { try body(call + 1 - firstCall, latents) }
            try Interruption.check()
        }
        refining?.rest("unet")
    }

    private mutating func predict(
        _ call: Int, _ place: StepPlace, _ session: ModelSession, isRefined: Bool, _ noises: inout [ImageNoise]
    ) throws(IsomerError) {
        let request = pipeline.request
        let family = isRefined ? pipeline.refiner ?? pipeline.base : pipeline.base
        let isGuided = session.isRehearsal || place.isAmong(request.guidanceStart, request.guidanceEnd)
        let all = isRefined ? refiningBranches : branches
        let asked = isGuided ? all : Array(all.prefix(1))
        var inputs: [Values] = []
        for (latent, sampler) in zip(latents, samplers) {
            inputs.append(latent.isReal ? Values(latent.shape, sampler.input(latent.numbers, at: call)) : latent)
        }
        let time = samplers[0].timesteps[call]
        let predictions = try family.denoiser.predictions(of: inputs, time: time, asked, place, in: session)
        guard !session.isRehearsal else { return }
        for image in latents.indices {
            let mine = predictions.map { $0[image] }
            let output = asked.count == pipeline.guidance.branchCount ? pipeline.guidance.combined(mine) : mine[0]
            let shape = latents[image].shape
            var drawing = noises[image]
            let moved = samplers[image].step(output.numbers, latents[image].numbers, at: call) { _ in
                // In the order of PyTorch's tensors, whatever the order of ours.
                drawing.next(shape, inTokensOf: family.denoiser.tokenSide).numbers
            }
            noises[image] = drawing
            latents[image] = Values(shape, moved)
            if let mask { keep(originals[image], mask, image, after: call) }
        }
    }

    /// Puts the picture back where the mask is black, with the noise of the next step.
    private mutating func keep(_ original: Values, _ mask: Values, _ image: Int, after call: Int) {
        let next = call + 1
        let sampler = samplers[image]
        let there = next < sampler.timesteps.count ? sampler.noised(original.numbers, noise[image].numbers, at: next) : original.numbers
        let channels = original.shape[2]
        for place in there.indices {
            let share = mask.numbers[place / channels]
            latents[image].numbers[place] = (1 - share) * there[place] + share * latents[image].numbers[place]
        }
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
