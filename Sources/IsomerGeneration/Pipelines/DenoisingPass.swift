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
    let calls: Int

    private let pipeline: GenerationPipeline
    private var samplers: [any Sampler]
    private let firstCall: Int
    private let branches: [Branch]
    private let refiningBranches: [Branch]
    /// What is put back of each picture where the mask is black, and with which noise.
    private let originals: [Values]
    private let noise: [Values]
    private let mask: Values?

    /// Prepares the latents, drawing from `noises`.
    init(
        _ pipeline: GenerationPipeline, _ settings: Settings, _ texts: (base: [TextFeatures], refiner: [TextFeatures]),
        _ noises: inout [ImageNoise], _ session: ModelSession
    ) throws(IsomerError) {
        var start = try PassStart(pipeline, settings, imageCount: noises.count)
        for index in noises.indices { try start.addImage(&noises[index], session) }
        self.pipeline = pipeline
        samplers = noises.map { _ in start.sampler }
        firstCall = start.firstCall
        calls = start.sampler.timesteps.count - start.firstCall
        (latents, originals, noise, mask) = (start.latents, start.originals, start.noise, start.keepingMask)
        let beside = try start.surroundings(session)
        let scale = Float(pipeline.summary.guidanceScale)
        branches = pipeline.base.branches(texts.base, beside, settings.size, scale)
        refiningBranches = pipeline.refiner?.branches(texts.refiner, beside, settings.size, scale) ?? []
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
