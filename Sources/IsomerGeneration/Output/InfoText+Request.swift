public import IsomerBytes

extension InfoText {
    /// What an image was made with where a request leaves it to the model.
    public struct Circumstances: Hashable, Sendable {
        public var steps: Int
        public var sampler: String
        public var guidanceScale: Double
        public var width: Int
        public var height: Int
        /// The model's name, and the first ten digits of its file's SHA-256.
        public var model: String?
        public var modelHash: String?
        /// The program and its version.
        public var version: String?

        public init(steps: Int, sampler: String, guidanceScale: Double, width: Int, height: Int) {
            self.steps = steps
            self.sampler = sampler
            self.guidanceScale = guidanceScale
            self.width = width
            self.height = height
        }
    }

    /// The text of an image that was made by `request`, with A1111's names of fields and samplers.
    public init(_ request: GenerationRequest, _ circumstances: Circumstances) {
        self.init(prompt: request.prompt, negativePrompt: request.negativePrompt ?? "")
        func put(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { fields.append(Field(name, value)) }
        }
        let choice = try? SamplerChoice(named: request.sampler ?? circumstances.sampler)
        put("Steps", "\(circumstances.steps)")
        put("Sampler", choice.map { $0.title ?? $0.name } ?? circumstances.sampler)
        put("Schedule type", (request.schedule ?? choice?.distribution?.rawValue).map(Self.title))
        put("CFG scale", Self.number(circumstances.guidanceScale))
        put("Seed", "\(request.seed)")
        put("Size", "\(circumstances.width)x\(circumstances.height)")
        put("Model hash", circumstances.modelHash)
        put("Model", circumstances.model)
        if let variation = request.variation, variation.strength > 0 {
            put("Variation seed", "\(variation.seed)")
            put("Variation seed strength", Self.number(variation.strength))
        }
        let isSecondPass = request.enlargement != nil
        if request.picture != nil || isSecondPass {
            put("Denoising strength", (request.enlargement?.strength ?? request.strength).map(Self.number))
        }
        if request.clipSkip > 1 { put("Clip skip", "\(request.clipSkip)") }
        if request.samplerSeedOffset != 0 { put("ENSD", "\(request.samplerSeedOffset)") }
        put("Eta", request.eta.map(Self.number))
        if let enlargement = request.enlargement {
            put("Hires upscale", Self.number(enlargement.factor))
            put("Hires steps", enlargement.steps.map { "\($0)" })
        }
        // A1111 draws on the graphics card unless it says otherwise.
        if request.randomness == .torch { put("RNG", "CPU") }
        put("Version", circumstances.version)
    }

    /// Fields that `request(over:)` takes up.
    private static let known: Set<String> = [
        "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Variation seed", "Variation seed strength", "Denoising strength",
        "Clip skip", "ENSD", "Eta", "Eta DDIM", "Hires upscale", "Hires steps", "RNG", "Model", "Model hash", "Version",
    ]

    /// What the text asks for, on top of `base`, and the names of fields that say something this package does not do.
    ///
    /// - Throws: `usage` for a number that is none, or that makes no sense, with the field's name.
    public func request(over base: GenerationRequest = GenerationRequest()) throws(IsomerError) -> (
        request: GenerationRequest, unknown: [String]
    ) {
        var request = base
        request.prompt = prompt
        request.negativePrompt = negativePrompt.isEmpty ? base.negativePrompt : negativePrompt
        func set(_ parameter: GenerationParameter, _ name: String) throws(IsomerError) {
            guard let value = self[name] else { return }
            do throws(IsomerError) { try parameter.apply(value, to: &request) } catch { throw error.about(name) }
        }
        try set(.steps, "Steps")
        try set(.sampler, "Sampler")
        if let schedule = self["Schedule type"] {
            // "Automatic" is what belongs to the sampler's name.
            let word = schedule.lowercased()
            request.schedule = word == "automatic" ? nil : Self.schedules[word] ?? word
        }
        try set(.guidanceScale, "CFG scale")
        try set(.seed, "Seed")
        try set(.size, "Size")
        if self["Variation seed strength"] != nil {
            try set(.variationSeed, "Variation seed")
            try set(.variationStrength, "Variation seed strength")
        }
        if self["Hires upscale"] != nil {
            try set(.enlargement, "Hires upscale")
            try set(.enlargementSteps, "Hires steps")
            try set(.enlargementStrength, "Denoising strength")
        } else {
            try set(.strength, "Denoising strength")
        }
        try set(.clipSkip, "Clip skip")
        try set(.samplerSeedOffset, "ENSD")
        try set(.eta, self["Eta"] == nil ? "Eta DDIM" : "Eta")
        request.randomness = self["RNG"] == "CPU" ? .torch : .cuda
        try request.check()
        return (request, fields.map(\.name).filter { !Self.known.contains($0) })
    }

    /// A1111's words for how levels are spread, where they are not this package's.
    private static let schedules = ["uniform": "normal", "align your steps": "ays"]

    private static func title(_ schedule: String) -> String {
        if let word = schedules.first(where: { $0.value == schedule })?.key { return title(word) }
        return schedule.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: " ")
    }

    /// Whole numbers without a fraction.
    private static func number(_ value: Double) -> String {
        Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
