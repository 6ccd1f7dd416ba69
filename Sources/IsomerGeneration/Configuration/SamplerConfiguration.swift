public import IsomerBytes

/// Everything that makes a sampler but the number of steps: what diffusers keeps in `scheduler_config.json`.
///
/// Fields that a method does not have are not looked at.
public struct SamplerConfiguration: Hashable, Sendable {
    /// How a flow's levels are shifted.
    public enum FlowShift: Hashable, Sendable {
        case fixed(Double)
        /// By the number of the image's tokens, between two numbers of them; `isLinear`: a factor rather than an exponent.
        case byTokens(base: TokenShift, greatest: TokenShift, isLinear: Bool)
    }

    /// The shift of a flow's levels for images of one number of tokens.
    public struct TokenShift: Hashable, Sendable {
        public var tokens: Int
        public var shift: Double

        public init(tokens: Int, shift: Double) {
            self.tokens = tokens
            self.shift = shift
        }
    }

    public var method: SamplerMethod
    public var schedule = NoiseSchedule()
    public var prediction = PredictionType.epsilon
    public var spacing: TimestepSpacing
    public var distribution = SigmaSpacing.schedule
    /// Added to the training steps where they lead.
    public var offset = 0
    /// Bounds of the predicted image.
    public var bounds: ImageBounds?
    /// DDIM, PNDM: after the last step there is no noise at all, rather than the first training step's.
    public var endsAtOne = true
    /// The others, the same.
    public var endsInZero = true
    /// DDIM: how much of DDPM's noise is added; TCD: how much of the way is made of new noise.
    public var stochasticity = 0.0
    public var variance = DDPMSampler.Variance.small
    public var startsWithRungeKutta = false
    public var solver = DPMSolverOptions()
    public var uniPC = UniPCSampler.Options()
    /// The highest and the lowest level of noise, where they are not the first and last training steps'.
    public var highest: Double?
    public var lowest: Double?
    /// Training steps where the logarithm of signal to noise is below this are left out.
    public var lowestLogarithm = -Double.infinity
    public var roundsKarras = true
    /// The model is told a quarter of the level's logarithm instead of a training step.
    public var tellsLogarithm = false
    /// DPM++ SDE: the seed of the Brownian tree from which its noise comes (A1111 has the image's); without one it is drawn like others'.
    public var pathSeed: UInt64?
    /// LCM, TCD: the steps that the model was distilled for.
    public var originalSteps = 50
    public var timestepScaling = 10.0
    /// Whether the solvers go along a flow; `flowEuler` always does.
    public var usesFlow = false
    public var shift = FlowShift.fixed(1)
    public var flow = FlowMatchSampler.Options()

    /// A method with its usual settings and Stable Diffusion's schedule.
    public init(_ method: SamplerMethod = .ddim) {
        self.method = method
        spacing = .leading
        offset = 1
        endsAtOne = false
        stochasticity = method == .tcd ? 0.3 : 0
        roundsKarras = method != .dpmSolverSDE
        usesFlow = method == .flowEuler
        if usesFlow { prediction = .flow }
    }
}

extension SamplerConfiguration {
    /// The most steps that are taken along a flow, which has no training steps to bound them.
    private static let mostFlowSteps = 10_000

    /// The sampler for `steps` steps.
    ///
    /// - Parameters:
    ///   - tokens: the number of the image's tokens, for flows whose shift follows from it.
    ///   - levels: a flow's levels before the shift; by default those that Stable Diffusion 3's pipeline has. Flux's has
    ///     `FlowMatchSampler.levels(steps, to: 1 / Double(steps))`.
    ///   - strength: of image to image, for LCM's and TCD's own pipelines only: others begin at `firstCall(strength:)`.
    /// - Throws: `usage` if there cannot be so many steps or the method does not fit the model.
    public func sampler(
        steps: Int, tokens: Int? = nil, levels: [Double]? = nil, strength: Double = 1
    ) throws(IsomerError) -> any Sampler {
        try check(steps, strength)
        switch method {
        case .ddim:
            var sampler = DDIMSampler(steps, schedule, prediction, spacing, offset: offset, endsAtOne: endsAtOne)
            sampler.eta = stochasticity
            sampler.bounds = bounds
            return sampler
        case .ddpm:
            var sampler = DDPMSampler(steps, schedule, prediction, spacing, offset: offset)
            sampler.variance = variance
            sampler.bounds = bounds
            return sampler
        case .pndm:
            return PNDMSampler(
                steps, schedule, prediction, spacing, offset: offset, startsWithRungeKutta: startsWithRungeKutta, endsAtOne: endsAtOne)
        case .lms: return LMSSampler(ladder(steps), prediction)
        case .euler, .eulerAncestral: return EulerSampler(ladder(steps), prediction, isAncestral: method == .eulerAncestral)
        case .heun: return HeunSampler(ladder(steps), prediction, bounds: bounds)
        case .dpm2, .dpm2Ancestral: return DPM2Sampler(ladder(steps), prediction, isAncestral: method == .dpm2Ancestral)
        case .dpmSolverSDE: return DPMSolverSDESampler(ladder(steps), prediction, seed: pathSeed)
        case .dpmSolver: return DPMSolverSampler(try solverLadder(steps, tokens, levels), prediction, solver, bounds: bounds)
        case .dpmSolverSingle: return DPMSolverSingleSampler(try solverLadder(steps, tokens, levels), prediction, solver, bounds: bounds)
        case .uniPC: return UniPCSampler(try solverLadder(steps, tokens, levels), prediction, uniPC, bounds: bounds)
        case .lcm, .tcd:
            var sampler = ConsistencySampler(
                steps, schedule, prediction,
                method == .lcm ? .latent(timestepScaling: Float(timestepScaling)) : .trajectory(stochasticity: stochasticity),
                originalCount: originalSteps, strength: strength)
            sampler.bounds = bounds
            return sampler
        case .flowEuler:
            let shift = try shift(tokens)
            var flow = flow
            flow.distribution = distribution
            return FlowMatchSampler(
                steps, shift, trainingSteps: schedule.alphas.count,
                unshifted: levels ?? FlowMatchSampler.ownLevels(steps, shift, trainingSteps: schedule.alphas.count), flow)
        }
    }

    private func check(_ steps: Int, _ strength: Double) throws(IsomerError) {
        let isConsistency = method == .lcm || method == .tcd
        let distilled = Int(Double(originalSteps) * min(max(0, strength), 1))
        let most = usesFlow ? Self.mostFlowSteps : isConsistency ? distilled : schedule.alphas.count
        guard steps >= 1, steps <= most else {
            throw IsomerError(
                .usage, "the sampler cannot take so many steps", item: method.rawValue,
                expected: most < 1 ? "a greater strength" : "1 to \(most)", found: "\(steps)")
        }
        guard (prediction == .flow) == usesFlow, !usesFlow || method.supportsFlow else {
            let fitting = SamplerMethod.allCases.filter(\.supportsFlow).map(\.rawValue).joined(separator: ", ")
            throw IsomerError(
                .usage, "the sampler does not fit what the model predicts", item: method.rawValue,
                expected: prediction == .flow ? "one for flows: \(fitting)" : "a model that predicts a flow", found: prediction.rawValue)
        }
        guard prediction != .sample || method.traits.fields.contains(.images) else {
            let fitting = SamplerMethod.allCases.filter { $0.traits.fields.contains(.images) }.map(\.rawValue).joined(separator: ", ")
            throw IsomerError(
                .usage, "the sampler is not made for models that predict the image", item: method.rawValue,
                expected: "one of \(fitting)", found: prediction.rawValue, remedy: "choose another with --sampler ddim")
        }
        if case .quantile? = bounds, method == .dpmSolverSingle, solver.algorithm == .noise {
            throw IsomerError(
                .unsupported, "dynamic thresholding goes with the solver of the image only", item: method.rawValue,
                expected: "algorithm_type dpmsolver++", found: solver.algorithm.rawValue)
        }
        guard 0...1 ~= stochasticity else {
            throw IsomerError(.usage, "eta is out of range", item: method.rawValue, expected: "0 to 1", found: "\(stochasticity)")
        }
        guard distribution == .schedule || method.hasLevels else {
            throw IsomerError(
                .usage, "the sampler has no levels of noise that could be spread", item: method.rawValue,
                found: distribution.rawValue)
        }
        guard !usesFlow || distribution == .schedule || method == .flowEuler else {
            throw IsomerError(
                .unsupported, "the levels of a flow are spread for one sampler only", item: method.rawValue,
                expected: SamplerMethod.flowEuler.rawValue, found: distribution.rawValue)
        }
        let integratesNoise =
            switch method {
            case .dpmSolver, .dpmSolverSingle: solver.algorithm.integratesNoise
            case .uniPC: uniPC.integratesNoise
            default: false
            }
        guard !(endsInZero && integratesNoise) else {
            throw IsomerError(
                .usage, "a solver that integrates the noise cannot go down to no noise at all", item: method.rawValue,
                expected: "final_sigmas_type sigma_min", found: "zero")
        }
    }

    private func ladder(_ steps: Int) -> SigmaLadder {
        var options = SigmaLadder.Options()
        options.endsInZero = endsInZero
        options.highest = highest
        options.lowest = lowest
        options.roundsKarras = roundsKarras && (method == .dpm2 || method == .dpm2Ancestral)
        options.tellsLogarithm = tellsLogarithm
        return SigmaLadder(steps, schedule, spacing, distribution, offset: offset, options)
    }

    private func solverLadder(_ steps: Int, _ tokens: Int?, _ levels: [Double]?) throws(IsomerError) -> SolverLadder {
        guard usesFlow else {
            var options = SolverLadder.Options()
            options.endsInZero = endsInZero
            options.highest = highest
            options.lowest = lowest
            options.lowestLogarithm = lowestLogarithm
            options.roundsKarras = roundsKarras
            let spacing = method == .dpmSolverSingle ? .linspace : spacing
            return SolverLadder(steps, schedule, spacing, distribution, offset: offset, options)
        }
        let training = schedule.alphas.count
        let shift = try shift(tokens)
        // DPM-Solver's levels are counted from the image, UniPC's from the noise.
        var sigmas: [Double] =
            levels
            ?? (0..<steps).map { index in
                // In this order of operations: the timesteps are cut off to whole ones.
                let last = 1 / Double(training)
                if method == .uniPC { return 1 + Double(index) * ((last - 1) / Double(steps)) }
                return 1 - (index == 0 ? last : 1 + Double(steps - index) * ((last - 1) / Double(steps)))
            }
        sigmas = sigmas.map { shift($0) }
        if let terminal = flow.terminal { sigmas = FlowMatchSampler.stretched(sigmas, to: terminal) }
        // Where there is nothing but noise the logarithm of signal to noise has no value.
        if let first = sigmas.first, abs(first - 1) < 1e-6 { sigmas[0] = first - 1e-6 }
        return SolverLadder(flow: sigmas, trainingSteps: training, endsInZero: endsInZero)
    }

    private func shift(_ tokens: Int?) throws(IsomerError) -> FlowMatchSampler.Shift {
        switch shift {
        case .fixed(let factor): return .fixed(factor)
        case .byTokens(let base, let greatest, let isLinear):
            guard let tokens else {
                throw IsomerError(.usage, "the flow's shift follows from the image's tokens, whose number is not given")
            }
            let number = FlowMatchSampler.exponent(
                tokens: tokens, from: (base.tokens, base.shift), to: (greatest.tokens, greatest.shift))
            return isLinear ? .linear(number) : .exponential(number)
        }
    }
}
