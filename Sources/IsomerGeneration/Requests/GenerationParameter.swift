public import IsomerBytes

/// The fields of a request that a text can set: a column of a table, an axis of a grid, a field that another program wrote.
public enum GenerationParameter: String, Hashable, Sendable, CaseIterable {
    case prompt
    case negativePrompt = "negative-prompt"
    case seed
    case steps
    case size
    case width
    case height
    case sampler
    case schedule
    case spacing
    case eta
    case guidanceScale = "guidance-scale"
    case guidanceRescale = "guidance-rescale"
    case guidanceStart = "guidance-start"
    case guidanceEnd = "guidance-end"
    case imageGuidanceScale = "image-guidance-scale"
    case clipSkip = "clip-skip"
    case syntax
    case textTokens = "text-tokens"
    case strength
    case image
    case mask
    case noise
    case samplerSeedOffset = "sampler-seed-offset"
    case variationSeed = "variation-seed"
    case variationStrength = "variation-strength"
    case enlargement
    case enlargementSteps = "enlargement-steps"
    case enlargementStrength = "enlargement-strength"
    case refinerStart = "refiner-start"

    /// Whether it is what the text encoders read, and a number there a mistake.
    var isProse: Bool { self == .prompt || self == .negativePrompt }

    /// What other programs call them.
    private static let aliases: [String: GenerationParameter] = [
        "cfg": .guidanceScale, "cfgscale": .guidanceScale, "samplername": .sampler, "numinferencesteps": .steps, "ensd": .samplerSeedOffset,
        "initimage": .image, "denoisingstrength": .strength, "subseed": .variationSeed, "subseedstrength": .variationStrength,
        "negative": .negativePrompt,
        "picture": .image, "text": .prompt,
    ]

    /// The parameter of a name, whose case and whose dashes, underscores and blanks do not count.
    ///
    /// - Throws: `usage` with all names.
    public init(named name: String) throws(IsomerError) {
        func folded(_ text: String) -> String { text.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " } }
        let wanted = folded(name)
        guard let found = Self.allCases.first(where: { folded($0.rawValue) == wanted }) ?? Self.aliases[wanted] else {
            throw IsomerError(
                .usage, "a request has no such parameter", expected: Self.allCases.map(\.rawValue).joined(separator: ", "), found: name)
        }
        self = found
    }

    /// Whether its values are whole numbers, or any; neither for words.
    enum Kind { case words, integer, number }

    var kind: Kind {
        switch self {
        case .seed, .steps, .width, .height, .clipSkip, .textTokens, .samplerSeedOffset, .variationSeed, .enlargementSteps: .integer
        case .eta, .guidanceScale, .guidanceRescale, .guidanceStart, .guidanceEnd, .imageGuidanceScale, .strength, .variationStrength,
            .enlargement, .enlargementStrength, .refinerStart:
            .number
        default: .words
        }
    }

    /// Sets the field of `request`.
    ///
    /// - Throws: `usage` if the text is no value of the field. Whether values make sense together is `GenerationRequest.check()`'s to say.
    public func apply(_ text: String, to request: inout GenerationRequest) throws(IsomerError) {
        switch self {
        case .prompt: request.prompt = text
        case .negativePrompt: request.negativePrompt = text
        case .seed: request.seed = try seed(text)
        case .steps: request.steps = try integer(text)
        case .size:
            let sides = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2 else { throw wrong(text, "width x height, as 512x768") }
            request.width = try integer(sides[0])
            request.height = try integer(sides[1])
        case .width: request.width = try integer(text)
        case .height: request.height = try integer(text)
        case .sampler:
            _ = try SamplerChoice(named: text)
            request.sampler = text
        case .schedule: request.schedule = text
        case .spacing: request.spacing = text
        case .eta: request.eta = try number(text)
        case .guidanceScale: request.guidanceScale = try number(text)
        case .guidanceRescale: request.guidanceRescale = try number(text)
        case .guidanceStart: request.guidanceStart = try number(text)
        case .guidanceEnd: request.guidanceEnd = try number(text)
        case .imageGuidanceScale: request.imageGuidanceScale = try number(text)
        case .clipSkip: request.clipSkip = try integer(text)
        case .syntax: request.syntax = try word(text)
        case .textTokens: request.textTokens = try integer(text)
        case .strength: request.strength = try number(text)
        case .image: request.picture = FilePath(text)
        case .mask: request.mask = FilePath(text)
        case .noise: request.randomness = try word(text)
        case .samplerSeedOffset: request.samplerSeedOffset = try seed(text)
        case .variationSeed:
            request.variation = InitialNoise.Variation(seed: try seed(text), strength: request.variation?.strength ?? 0)
        case .variationStrength:
            request.variation = InitialNoise.Variation(seed: request.variation?.seed ?? 0, strength: try number(text))
        case .enlargement:
            var enlargement = request.enlargement ?? GenerationRequest.Enlargement()
            enlargement.factor = try number(text)
            request.enlargement = enlargement
        case .enlargementSteps:
            var enlargement = request.enlargement ?? GenerationRequest.Enlargement()
            enlargement.steps = try integer(text)
            request.enlargement = enlargement
        case .enlargementStrength:
            var enlargement = request.enlargement ?? GenerationRequest.Enlargement()
            enlargement.strength = try number(text)
            request.enlargement = enlargement
        case .refinerStart:
            guard request.refiner != nil else { throw wrong(text, "a refiner in the request") }
            request.refiner?.start = try number(text)
        }
    }

    private func wrong(_ text: String, _ expected: String) -> IsomerError {
        IsomerError(.usage, "this is no value of \(rawValue)", expected: expected, found: text)
    }

    private func integer(_ text: String) throws(IsomerError) -> Int {
        guard let value = Int(text.filter { $0 != " " }) else { throw wrong(text, "a whole number") }
        return value
    }

    private func seed(_ text: String) throws(IsomerError) -> UInt64 {
        guard let value = UInt64(text.filter { $0 != " " }) else { throw wrong(text, "a whole number from 0 to 2⁶⁴ − 1") }
        return value
    }

    private func number(_ text: String) throws(IsomerError) -> Double {
        guard let value = Double(text.filter { $0 != " " }), value.isFinite else { throw wrong(text, "a number") }
        return value
    }

    private func word<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws(IsomerError) -> Value {
        guard let value = Value(rawValue: text.lowercased()) else {
            throw wrong(text, Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }
}
