import IsomerArchitectures
public import IsomerBytes
public import IsomerImages
import Synchronization

/// Makes images with a model as a request says.
///
/// Making one is checked and rehearsed before any work: what does not fit, and what would take more memory than allowed, is said at once.
///
///     var request = GenerationRequest()
///     request.prompt = "a photo of a cat"
///     let pipeline = try GenerationPipeline(GenerationModel("model.safetensors"), request)
///     for image in try pipeline.images([0]) { try PNGEncoder.encode(image.bitmap) }
public final class GenerationPipeline {
    /// What every image will be made with, settled.
    public struct Summary: Hashable, Sendable {
        /// In pixels, of the last pass.
        public var size: PixelSize
        /// Of the first.
        public var firstSize: PixelSize
        public var steps: Int
        public var guidanceScale: Double
        /// Diffusers' name of the sampler's class.
        public var sampler: String
        /// Calls of the denoiser for each image.
        public var calls: Int
        /// The most bytes of activations that a component was found to take, by component.
        public var peaks: [String: Int]
    }

    /// How far one batch of images has come.
    public struct Progress: Sendable {
        /// Calls of the denoiser that are done, and all of them.
        public var done: Int
        public var total: Int
        /// The latents of the images as they are now.
        public var latents: [Values]
    }

    /// A finished image.
    public struct Image: Sendable {
        public let bitmap: Bitmap
        /// The seed that its noise began with.
        public let seed: UInt64
        /// What the picture was decoded from.
        public let latent: Values
        /// Whether the model gave numbers throughout. Where it gave none, as broken models and some autoencoders in half precision do, the
        /// picture is black.
        public let isFinite: Bool
    }

    public let request: GenerationRequest
    public private(set) var summary: Summary
    let base: FamilyPipeline
    let refiner: FamilyPipeline?
    let coder: PictureCoder
    let inputs: Inputs
    let guidance: Guidance
    let plan: SamplingPlan
    /// The size of the first pass, and of the second.
    let size: PixelSize
    let finalSize: PixelSize
    private let sessions: (base: ModelSession, refiner: ModelSession?)
    private var texts: (base: [TextFeatures], refiner: [TextFeatures])?

    /// Pictures that the request names, read.
    struct Inputs {
        var picture: PictureInput?
        var mask: PictureInput?
        var controls: [ControlBranch] = []
    }

    /// Checks and rehearses.
    ///
    /// - Parameters:
    ///   - refiner: the model that the request's refiner names.
    ///   - tile: the side of the autoencoder's tiles in latent pixels, where pictures are not coded whole.
    ///   - batchSize: the most images that will be made in one batch.
    public init(
        _ model: GenerationModel, refiner: GenerationModel? = nil, _ request: GenerationRequest,
        _ settings: ComputeSettings = ComputeSettings(), tile: Int? = nil, batchSize: Int = 1, limits: Limits = Limits()
    ) throws(IsomerError) {
        try request.check()
        self.request = request
        var inputs = Inputs()
        inputs.picture = try request.picture.map { path throws(IsomerError) in try PictureInput(path, limits: limits) }
        inputs.mask = try request.mask.map { path throws(IsomerError) in try PictureInput(path, limits: limits) }
        for control in request.controls { inputs.controls.append(try ControlBranch(control, limits: limits)) }
        self.inputs = inputs
        base = try FamilyPipeline(model, request, controls: inputs.controls)
        self.refiner = try refiner.map { refiner throws(IsomerError) in try FamilyPipeline(refiner, request, controls: []) }
        coder = try PictureCoder(model, tile: tile)
        (size, finalSize) = try Self.sizes(request, base, coder, inputs)
        for control in inputs.controls { try control.look(at: size) }
        try Self.checkInputs(request, base, self.refiner, inputs)

        let scale = request.guidanceScale ?? base.usualGuidance
        guidance = try Self.guidance(request, base, scale)
        let steps = request.steps ?? base.usualSteps
        let side = coder.magnification * base.denoiser.sizeUnit
        plan = try SamplingPlan(request, base, steps: steps, tokens: size.width / side * (size.height / side))
        let sampler = try plan.sampler()
        summary = Summary(
            size: finalSize, firstSize: size, steps: steps, guidanceScale: scale, sampler: plan.configuration.method.rawValue,
            calls: sampler.timesteps.count, peaks: [:])
        sessions = (
            ModelSession(model, settings, isRehearsal: false), refiner.map { ModelSession($0, settings, isRehearsal: false) }
        )
        let rehearsal = (
            base: ModelSession(model, settings, isRehearsal: true), refiner: refiner.map { ModelSession($0, settings, isRehearsal: true) }
        )
        summary.calls = try make(Array(0..<max(1, batchSize)), rehearsal.base, rehearsal.refiner) { _ in }.calls
        for (slot, bytes) in rehearsal.base.peaks { summary.peaks[slot] = bytes }
    }

    /// Makes the images of these numbers in one batch: image n has the seed n above the request's.
    ///
    /// Throws `interrupted` after the step in which the user asked to stop.
    public func images(_ numbers: [Int], _ progress: (Progress) throws(IsomerError) -> Void = { _ in }) throws(IsomerError) -> [Image] {
        let made = try make(numbers, sessions.base, sessions.refiner, progress)
        var images: [Image] = []
        for (picture, (seed, latent)) in zip(made.pictures, zip(made.seeds, made.latents)) {
            let isFinite = latent.isFinite && picture.isFinite
            images.append(Image(bitmap: try picture.bitmap(), seed: seed, latent: latent, isFinite: isFinite))
        }
        return images
    }

    /// Whether a part of the way is gone in as many steps as the whole.
    ///
    /// Reference: diffusers 0.42.1, pipeline_latent_consistency_img2img.py.
    var spreadsStrength: Bool {
        base.denoiser.hasGuidance && request.controls.isEmpty && [.lcm, .tcd].contains(plan.configuration.method)
    }

    /// The features of the request's texts for each branch of guidance, once for all images.
    private func texts(_ base: ModelSession, _ refiner: ModelSession?) throws(IsomerError) -> (
        base: [TextFeatures], refiner: [TextFeatures]
    ) {
        if !base.isRehearsal, let texts { return texts }
        var prompts: [String?] = [request.prompt]
        // An instruction's second and third branch have the negative text both.
        if guidance.branchCount > 1 { prompts.append(request.negativePrompt) }
        func read(_ family: FamilyPipeline, _ session: ModelSession) throws(IsomerError) -> [TextFeatures] {
            var features = try family.text.features(of: prompts, in: session)
            if guidance.branchCount > 2 { features.append(features[1]) }
            return features
        }
        let made = (
            base: try read(self.base, base),
            refiner: try refiner.map { session throws(IsomerError) in
                try read(self.refiner ?? self.base, session)
            } ?? []
        )
        if !base.isRehearsal { texts = made }
        return made
    }

    /// What a batch comes to.
    private struct Made {
        var pictures: [Values]
        var latents: [Values]
        var seeds: [UInt64]
        var calls: Int
    }

    private func make(
        _ numbers: [Int], _ session: ModelSession, _ refining: ModelSession?, _ progress: (Progress) throws(IsomerError) -> Void
    ) throws(IsomerError) -> Made {
        let texts = try texts(session, refining)
        var noises = numbers.map { ImageNoise(request, image: $0) }
        let first = try pass(
            .init(size: size, steps: plan.steps, strength: request.strength, picture: try inputs.picture?.picture(size)), texts, &noises,
            session, refining, done: 0, progress)
        var latents = first.latents
        var calls = first.calls
        if let enlargement = request.enlargement, finalSize != size {
            let pictures = try coder.decode(latents, in: session)
            var enlarged: [Values] = []
            for picture in pictures {
                guard picture.isReal else {
                    enlarged.append(Values([finalSize.height, finalSize.width, 3]))
                    continue
                }
                enlarged.append(try PictureInput(picture.bitmap()).picture(finalSize))
            }
            for control in inputs.controls { try control.look(at: finalSize) }
            let second = try pass(
                .init(
                    size: finalSize, steps: enlargement.steps ?? plan.steps, strength: enlargement.strength, picture: nil,
                    pictures: enlarged), texts, &noises, session, refining, done: calls, progress)
            for control in inputs.controls { try control.look(at: size) }
            latents = second.latents
            calls += second.calls
        }
        return Made(
            pictures: try coder.decode(latents, in: session), latents: latents, seeds: noises.map(\.seed), calls: calls)
    }

    /// One way from noise, or from a noised picture, to latents.
    private func pass(
        _ settings: DenoisingPass.Settings, _ texts: (base: [TextFeatures], refiner: [TextFeatures]), _ noises: inout [ImageNoise],
        _ session: ModelSession, _ refining: ModelSession?, done: Int, _ progress: (Progress) throws(IsomerError) -> Void
    ) throws(IsomerError) -> (latents: [Values], calls: Int) {
        var pass = try DenoisingPass(self, settings, texts, &noises, session)
        let total = max(summary.calls, done + pass.calls)
        try pass.run(session, refining, &noises) { call, latents throws(IsomerError) in
            try progress(Progress(done: done + call, total: total, latents: latents))
        }
        session.rest(base.denoiser.slot)
        return (pass.latents, pass.calls)
    }
}
