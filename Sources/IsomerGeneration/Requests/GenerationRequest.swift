public import IsomerBytes

/// What is asked of a model: everything that an image follows from, the model's files aside.
///
/// `nil` stands for what the model itself says. Two equal requests to one model give equal images.
public struct GenerationRequest: Hashable, Sendable {
    /// What is to be seen.
    public var prompt = ""
    /// What is not; `nil` is not the same as empty for models that were trained with zeros in place of an empty text.
    public var negativePrompt: String?
    /// Whether `(words:1.2)`, `BREAK` and prompts of any length are understood, or the prompt is taken as it stands and cut at the window's end.
    public var syntax = PromptSyntax.weighted
    /// Which layer of a CLIP text encoder is read, counted from the end as the web UI does: 1 is the usual one.
    public var clipSkip = 1
    /// Tokens that a T5 encoder reads; `nil` for what the model was trained with.
    public var textTokens: Int?

    /// In pixels.
    public var width: Int?
    public var height: Int?
    /// How many steps are taken.
    public var steps: Int?
    /// The sampler's name; `nil` for what the model's `scheduler_config.json` names.
    public var sampler: String?
    /// How its levels of noise are spread: `karras`, `exponential`, `beta`, `normal`; `nil` for what the model says.
    public var schedule: String?
    /// Which steps of the training are taken: `leading`, `linspace`, `trailing`; `nil` for what the model says.
    public var spacing: String?
    /// Whose rules of indices a sampler follows: `compvis`; `nil` for diffusers'.
    public var samplerCompatibility: String?
    /// How much noise samplers add that can do with any: 0 to 1; `nil` for what is usual.
    public var eta: Double?

    /// How much more than the negative prompt the prompt counts; 1 asks for no negative pass.
    public var guidanceScale: Double?
    /// How far the guided prediction is brought back to the deviation of the unguided: 0 to 1.
    public var guidanceRescale = 0.0
    /// The part of the steps in which guidance is applied, from 0 to 1.
    public var guidanceStart = 0.0
    public var guidanceEnd = 1.0
    /// How much an edited picture counts against none, for models that follow instructions.
    public var imageGuidanceScale = 1.5

    /// Where the noise begins.
    public var seed: UInt64 = 0
    /// Whose generator draws it.
    public var randomness = Randomness.torch
    /// Is added to the seed for the noise that samplers add, as the web UI's "ENSD".
    public var samplerSeedOffset: UInt64 = 0
    /// Another noise that the first is moved towards.
    public var variation: InitialNoise.Variation?

    /// The picture to begin with.
    public var picture: FilePath?
    /// How much of it may change: 0 to 1; `nil` for what is usual.
    public var strength: Double?
    /// Where it may: white.
    public var mask: FilePath?
    /// Pictures that ControlNets look at.
    public var controls: [Control] = []
    /// Adapters, in the order in which they are added.
    public var adapters: [AddedFile] = []
    /// Words with vectors of their own.
    public var embeddings: [FilePath] = []
    /// A model that takes over for the last steps.
    public var refiner: Refiner?
    /// A second pass over the enlarged picture.
    public var enlargement: Enlargement?

    public init() {}

    /// The request for image `number` alone: its seed, or its variation's, is that much higher, as the web UI counts.
    func request(forImage number: Int) -> GenerationRequest {
        var request = self
        if var variation, variation.strength > 0 {
            variation.seed &+= UInt64(number)
            request.variation = variation
        } else {
            request.seed &+= UInt64(number)
        }
        return request
    }
}

extension GenerationRequest {
    /// How prompts are read.
    public enum PromptSyntax: String, Hashable, Sendable, CaseIterable {
        /// As the web UI does.
        case weighted
        /// As diffusers does.
        case plain
    }

    /// Whose random numbers a seed stands for.
    public enum Randomness: String, Hashable, Sendable, CaseIterable {
        /// PyTorch's on the CPU.
        case torch
        /// PyTorch's on CUDA, the web UI's default.
        case cuda
        /// NumPy's.
        case numpy
    }

    /// A ControlNet and what it looks at.
    public struct Control: Hashable, Sendable {
        /// The network's file or folder.
        public var model: FilePath
        /// Its picture.
        public var picture: FilePath
        /// How much it counts.
        public var scale: Double
        /// The part of the steps in which it counts, from 0 to 1.
        public var start: Double
        public var end: Double

        public init(model: FilePath, picture: FilePath, scale: Double = 1, start: Double = 0, end: Double = 1) {
            self.model = model
            self.picture = picture
            self.scale = scale
            self.start = start
            self.end = end
        }
    }

    /// A file and how much it counts.
    public struct AddedFile: Hashable, Sendable {
        public var path: FilePath
        public var strength: Double

        public init(_ path: FilePath, strength: Double = 1) {
            self.path = path
            self.strength = strength
        }
    }

    /// A second model of the same latents.
    public struct Refiner: Hashable, Sendable {
        /// Its file or folder.
        public var model: FilePath
        /// The part of the steps after which it takes over: 0 to 1.
        public var start: Double

        public init(model: FilePath, start: Double = 0.8) {
            self.model = model
            self.start = start
        }
    }

    /// A second pass at a larger size.
    public struct Enlargement: Hashable, Sendable {
        /// How many times as wide and high.
        public var factor: Double
        /// How much of the enlarged picture may change: 0 to 1.
        public var strength: Double
        /// How many steps the second pass would take from noise; `nil` for as many as the first.
        public var steps: Int?

        public init(factor: Double = 2, strength: Double = 0.7, steps: Int? = nil) {
            self.factor = factor
            self.strength = strength
            self.steps = steps
        }
    }
}

extension GenerationRequest {
    /// Throws `usage` for numbers that make no sense for any model. What depends on the model is checked with it, before any work.
    public func check() throws(IsomerError) {
        func refuse(_ what: String, _ expected: String, _ found: String) -> IsomerError {
            IsomerError(.usage, what, expected: expected, found: found)
        }
        func share(_ value: Double, _ name: String) throws(IsomerError) {
            guard (0...1).contains(value) else { throw refuse("\(name) is no share", "0 to 1", "\(value)") }
        }
        for (name, side) in [("width", width), ("height", height)] {
            if let side, !(8...16_384).contains(side) { throw refuse("the \(name) is out of range", "8 to 16384 pixels", "\(side)") }
        }
        for steps in [steps, enlargement?.steps] {
            if let steps, !(1...1_000).contains(steps) { throw refuse("the number of steps is out of range", "1 to 1000", "\(steps)") }
        }
        guard (1...64).contains(clipSkip) else { throw refuse("the layer to be read is out of range", "1 to 64", "\(clipSkip)") }
        if let textTokens, !(1...4_096).contains(textTokens) {
            throw refuse("the length of the text is out of range", "1 to 4096 tokens", "\(textTokens)")
        }
        let scales = [guidanceScale ?? 1, imageGuidanceScale] + controls.map(\.scale) + adapters.map(\.strength)
        if let odd = scales.first(where: { !$0.isFinite || abs($0) > 1e4 }) {
            throw refuse("a scale makes no sense", "-10000 to 10000", "\(odd)")
        }
        try share(guidanceRescale, "the guidance's rescale")
        if let eta { try share(eta, "eta") }
        if let strength { try share(strength, "the strength") }
        if let variation { try share(variation.strength, "the variation's strength") }
        if let refiner { try share(refiner.start, "the refiner's start") }
        for (name, start, end) in [("guidance", guidanceStart, guidanceEnd)] + controls.map({ ("a ControlNet", $0.start, $0.end) }) {
            try share(start, "the start of \(name)")
            try share(end, "the end of \(name)")
            guard start <= end else { throw refuse("\(name) ends before it starts", "an end from \(start) on", "\(end)") }
        }
        if mask != nil, picture == nil {
            throw IsomerError(.usage, "a mask says where a picture may change, and there is no picture", remedy: "give one with --image")
        }
        if strength != nil, picture == nil {
            throw IsomerError(
                .usage, "the strength says how much of a picture may change, and there is no picture",
                remedy: "give one with --image, or leave --strength away")
        }
        if let enlargement {
            guard enlargement.factor >= 1, enlargement.factor <= 8 else {
                throw refuse("the enlargement is out of range", "1 to 8", "\(enlargement.factor)")
            }
            try share(enlargement.strength, "the second pass's strength")
        }
    }
}
