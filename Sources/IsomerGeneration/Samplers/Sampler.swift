/// A way from noise to an image: at which steps the model is asked, and what is made of its answers.
///
/// A sampler is used for one image, or one batch, from its first step to its last.
public protocol Sampler: Sendable {
    /// What the model is told at each call, the noisiest first.
    var timesteps: [Float] { get }

    /// The deviation that the noise to begin with must have.
    var initialDeviation: Float { get }

    /// What the model is shown instead of `sample` at call `index`.
    func input(_ sample: [Float], at index: Int) -> [Float]

    /// The next sample, from the model's `output` for `sample` at call `index`. Samplers that add noise draw as much of it from `noise`.
    mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float]

    /// `image` with as much noise as the sample at call `index` has: where image to image begins.
    func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float]
}

/// What a model was trained to say of a noisy image.
public enum PredictionType: String, Hashable, Sendable, CaseIterable {
    /// The noise.
    case epsilon
    /// The image.
    case sample
    /// The velocity: √ᾱ · noise − √(1 − ᾱ) · image.
    case velocity = "v_prediction"
}

/// a·x + b·y, element by element.
func combine(_ a: Float, _ x: [Float], _ b: Float, _ y: [Float]) -> [Float] {
    zip(x, y).map { a * $0 + b * $1 }
}
