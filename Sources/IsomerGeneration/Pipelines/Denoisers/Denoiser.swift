import IsomerBytes

/// What a denoiser is told for one of the predictions that guidance combines.
struct Branch {
    /// The text.
    var text: TextFeatures
    /// Channels beside the latent's own, `[height, width, channels]` for each image: a mask, a picture to be edited. None where there are none.
    var beside: [Values] = []
    /// SDXL's sizes and crop, or the refiner's score.
    var sizes: [Float] = []
    /// The strength that a model was distilled for.
    var guidance: Float?
}

/// Where among the steps a pass stands.
struct StepPlace {
    /// Calls that were made, of all.
    var call: Int
    var calls: Int

    /// Whether guidance from one share of the steps to another is on: from the first one that is not whole on, and up to the last.
    ///
    /// Reference: diffusers 0.42.1, guiders/classifier_free_guidance.py `_is_cfg_enabled`.
    func isAmong(_ start: Double, _ end: Double) -> Bool {
        call >= Int(start * Double(calls)) && call < Int(end * Double(calls))
    }

    /// Whether a ControlNet from one share of the steps to another is on. Reference: diffusers 0.42.1, pipeline_controlnet.py `controlnet_keep`.
    func isInside(_ start: Double, _ end: Double) -> Bool {
        let total = Double(max(1, calls))
        return Double(call) / total >= start && Double(call + 1) / total <= end
    }
}

/// What a denoiser looks at beside the latent.
enum Surroundings: Hashable {
    case nothing
    /// The latent of a picture: the one to be edited, a depth map, edges.
    case picture
    /// A mask, and the latent of what it leaves of a picture.
    case maskedPicture
    /// Something else, in so many channels.
    case other(Int)

    /// By the channels beside the latent's: one of a mask, or as many as there are pixels to a latent pixel.
    init(channels: Int, latent: Int, mask: Int) {
        switch channels {
        case 0: self = .nothing
        case latent: self = .picture
        case latent + mask: self = .maskedPicture
        default: self = .other(channels)
        }
    }
}

/// How a family's denoiser is asked. A new family is one type that conforms to this, and one `TextConditioner`.
protocol Denoiser {
    /// The component.
    var slot: String { get }
    /// Channels of a latent.
    var latentChannels: Int { get }
    /// What it looks at beside a latent.
    var surroundings: Surroundings { get }
    /// Latent pixels that a side must be a multiple of.
    var sizeUnit: Int { get }
    /// Latent pixels on a side of what its sampler sees as one token; 1 where it sees latents as they are.
    var tokenSide: Int { get }
    /// Whether guidance was distilled into it, whose strength it is told.
    var hasGuidance: Bool { get }
    /// Width and height of the latents that it was trained for.
    var usualSide: Int { get }

    /// Predicts for every input, `[height, width, channels]`, under every branch: all in one batch. By branch, then by input.
    ///
    /// - Parameter time: as the sampler has it: of 1,000.
    func predictions(
        of inputs: [Values], time: Float, _ branches: [Branch], _ place: StepPlace, in session: ModelSession
    ) throws(IsomerError) -> [[Values]]
}

extension Denoiser {
    var surroundings: Surroundings { .nothing }
    var tokenSide: Int { 1 }
    var hasGuidance: Bool { false }

    /// The batch of all branches, each with all inputs.
    func batch(_ inputs: [Values], _ branches: [Branch]) -> Values {
        .stacked(
            branches.flatMap { branch in
                inputs.indices.map { branch.beside.isEmpty ? inputs[$0] : .beside([inputs[$0], branch.beside[$0]]) }
            })
    }

    /// One thing of each branch, as often as there are inputs.
    func repeated(_ parts: [Values], _ count: Int) -> Values {
        .stacked(parts.flatMap { Array(repeating: $0, count: count) })
    }

    /// A batch's results by branch.
    func byBranch(_ results: Values, _ inputs: [Values], _ branches: [Branch]) -> [[Values]] {
        let all = results.unstacked()
        return branches.indices.map { Array(all[$0 * inputs.count..<($0 + 1) * inputs.count]) }
    }
}
