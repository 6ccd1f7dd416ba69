/// A way from noise to an image: at which levels of noise the model is asked, and what is made of its answers.
///
/// A sampler is a value: it is used for one image, or one batch, from its first call to its last, and a copy goes its own way. The calls of
/// the model are numbered; most samplers ask once a step, some twice.
///
///     var sampler = try SamplerConfiguration(schedulerConfig).sampler(steps: 20)
///     var sample = noise.map { $0 * sampler.initialDeviation }
///     for call in sampler.timesteps.indices {
///         let output = model(sampler.input(sample, at: call), sampler.timesteps[call])
///         sample = sampler.step(output, sample, at: call) { generator.normals($0) }
///     }
///
/// Image to image begins at `firstCall(strength:)` with `noised(image, noise, at:)` instead.
public protocol Sampler: Sendable {
    /// What the model is told at each call, the noisiest first. Flow models divide it by the number of training steps.
    var timesteps: [Float] { get }

    /// The most calls of the model that one step takes. The last step of those that take two takes one.
    var callsPerStep: Int { get }

    /// How many steps there are from noise to the image.
    var stepCount: Int { get }

    /// The deviation that the noise to begin with must have.
    var initialDeviation: Float { get }

    /// What the model is shown instead of `sample` at call `index`.
    func input(_ sample: [Float], at index: Int) -> [Float]

    /// The next sample, from the model's `output` for `sample` at call `index`. Samplers that add noise draw as much of it from `noise`,
    /// normally distributed and of variance 1.
    mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float]

    /// `image` with as much noise as the sample at call `index` has: where image to image begins.
    func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float]

    /// The call at which image to image begins: with a `strength` of 1 the first, with 0 none (the number of calls).
    func firstCall(strength: Double) -> Int
}

extension Sampler {
    public var callsPerStep: Int { 1 }

    public var stepCount: Int { (timesteps.count + callsPerStep - 1) / callsPerStep }

    public func input(_ sample: [Float], at index: Int) -> [Float] { sample }

    /// Reference: diffusers 0.42, pipeline_stable_diffusion_img2img.py `get_timesteps`.
    public func firstCall(strength: Double) -> Int { min(skippedSteps(strength) * callsPerStep, timesteps.count) }

    /// The steps that image to image leaves out, of as many as there are: those that are done are rounded down.
    func skippedSteps(_ strength: Double) -> Int {
        guard strength < 1 else { return 0 }
        return stepCount - Int(Double(stepCount) * max(0, strength))
    }
}
