import IsomerBytes
import IsomerMapping

/// Which sampler a request asks for, over what the model's `scheduler_config.json` says.
struct SamplingPlan {
    let configuration: SamplerConfiguration
    let steps: Int
    private let tokens: Int?
    private let levels: [Double]?

    /// `tokens`: of the image, in a transformer. `spreadsEvenly`: Flux's levels, evenly from pure noise to the last step.
    init(_ request: GenerationRequest, _ family: FamilyPipeline, steps: Int, tokens: Int?) throws(IsomerError) {
        var choice: SamplerChoice?
        if let name = request.sampler { choice = try SamplerChoice(named: name) }
        let model = family.model
        let fillsPart = request.mask != nil || family.denoiser.surroundings == .maskedPicture
        let settings = family.mendsSchedulers(request) ? model.scheduler.mendedScheduler(fillsPart: fillsPart) : model.scheduler
        var configuration = try SamplerConfiguration(JSONCursor(.object(settings), path: model.path), choice)
        if let name = request.schedule { configuration.distribution = try Self.word(name, "the levels of noise", SamplingPlan.spreads) }
        if let name = request.spacing { configuration.spacing = try Self.word(name, "the spacing of steps") }
        if let name = request.samplerCompatibility { try Self.follow(name, &configuration) }
        // diffusers' pipelines hand 0 to every scheduler that takes it, whatever the scheduler's own usual value (TCD's is 0.3).
        configuration.stochasticity = request.eta ?? 0
        self.configuration = configuration
        self.steps = steps
        self.tokens = tokens
        levels = family.spreadsEvenly ? FlowMatchSampler.levels(steps, to: 1 / Double(max(1, steps))) : nil
    }

    /// The original repository's rules: which steps are taken, and that the last one ends at the training's first.
    private static func follow(_ name: String, _ configuration: inout SamplerConfiguration) throws(IsomerError) {
        guard name == "compvis" else {
            throw IsomerError(.usage, "there is no such set of rules for samplers", expected: "diffusers, compvis", found: name)
        }
        guard configuration.method == .ddim || configuration.method == .pndm else {
            throw IsomerError(
                .usage, "the original repository has no such sampler", expected: "ddim, plms", found: configuration.method.rawValue)
        }
        configuration.spacing = .compVis
        configuration.endsAtOne = false
        configuration.startsWithRungeKutta = false
    }

    /// Other words for what the enumeration has.
    private static let spreads: [String: SigmaSpacing] = ["normal": .schedule, "uniform": .schedule]

    private static func word<Value: RawRepresentable<String> & CaseIterable>(
        _ text: String, _ what: String, _ more: [String: Value] = [:]
    ) throws(IsomerError) -> Value {
        if let found = Value(rawValue: text) ?? more[text] { return found }
        throw IsomerError(
            .usage, "there is no such word for \(what)",
            expected: (Value.allCases.map(\.rawValue) + more.keys.sorted()).joined(separator: ", "), found: text)
    }

    /// A sampler for one image. Throws `usage` if there cannot be so many steps or it does not fit the model.
    func sampler(steps: Int? = nil, strength: Double = 1) throws(IsomerError) -> any Sampler {
        try configuration.sampler(steps: steps ?? self.steps, tokens: tokens, levels: levels, strength: strength)
    }

    /// The last of the training's steps that the first of two models takes, where a second takes over after `share` of them.
    func cutoff(_ share: Double) -> Float {
        let total = Double(configuration.schedule.alphas.count)
        return Float((total - share * total).rounded(.toNearestOrEven))
    }
}
