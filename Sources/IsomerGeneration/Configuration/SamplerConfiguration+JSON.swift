public import IsomerBytes

extension SamplerConfiguration {
    /// What a `scheduler_config.json` says, read in Python's dialect (diffusers writes `-Infinity` into it).
    ///
    /// With a `choice` that one takes the place of the class in the file, which keeps its fields, as diffusers' `X.from_config(config)` has it:
    /// fields that the file does not have take the defaults of the chosen class. The file of Stable Diffusion 1.5 says nothing of
    /// `timestep_spacing`: PNDM's steps lead then, and Euler's are spaced evenly from first to last.
    ///
    /// - Throws: `unsupported` if the class is not known, with those that are, or if a setting is for models of pixels; `malformed`.
    public init(_ config: JSONCursor, _ choice: SamplerChoice? = nil) throws(IsomerError) {
        let method: SamplerMethod
        if let choice {
            method = choice.method
        } else {
            let name = try config.required("_class_name")
            guard let known = SamplerMethod(rawValue: try name.string()) else {
                throw IsomerError(
                    .unsupported, "the sampler is not known", path: config.path, item: name.keyPath,
                    expected: "one of " + SamplerMethod.allCases.map(\.rawValue).joined(separator: ", "), found: try name.string(),
                    remedy: "choose a sampler by name")
            }
            method = known
        }
        self.init(method)
        var fields = try config.object()
        for (key, value) in choice?.settings ?? [:] { fields[key] = value }
        let settings = SamplerFields(JSONCursor(.object(fields), path: config.path))
        try settings.refuseLearnedVariance()

        try readSchedule(settings)
        try readSpacing(settings)
        try readSolvers(settings)
        if method.supportsFlow { try readFlow(settings) }
        if let distribution = choice?.distribution { self.distribution = distribution }
        if let spacing = choice?.spacing { self.spacing = spacing }
    }

    private mutating func readSchedule(_ settings: SamplerFields) throws(IsomerError) {
        let total = try settings.integer("num_train_timesteps", 1...100_000) ?? 1_000
        let traits = method.traits
        let isRescaled = traits.fields.contains(.rescaling) ? try settings.bool("rescale_betas_zero_snr") ?? false : false
        if let betas = try settings.numbers("trained_betas", 0...1, count: 1...100_000) {
            schedule = NoiseSchedule(betas: betas.map(Float.init), endsInNoise: isRescaled)
        } else {
            schedule = NoiseSchedule(
                count: total, from: try settings.number("beta_start", 0...1) ?? traits.betas.lowerBound,
                to: try settings.number("beta_end", 0...1) ?? traits.betas.upperBound,
                try settings.word("beta_schedule") ?? traits.betaSchedule, endsInNoise: isRescaled)
        }
        // In a flow's own file the word stands for nothing, and diffusers passes over it.
        let isFlows = try settings.cursor.optional("_class_name")?.value == .string(SamplerMethod.flowEuler.rawValue)
        prediction = isFlows ? .flow : try settings.word("prediction_type") ?? traits.prediction
    }

    private mutating func readSpacing(_ settings: SamplerFields) throws(IsomerError) {
        let traits = method.traits
        spacing = try settings.word("timestep_spacing") ?? traits.spacing
        offset = try settings.integer("steps_offset", 0...100_000) ?? 0
        bounds = try readBounds(settings)
        endsAtOne = try settings.bool("set_alpha_to_one") ?? traits.endsAtOne

        guard traits.fields.contains(.spreading) else { return }
        let flags: [(String, SigmaSpacing)] = [
            ("use_karras_sigmas", .karras), ("use_exponential_sigmas", .exponential), ("use_beta_sigmas", .beta),
            ("use_lu_lambdas", .lu),
        ]
        var chosen: [SigmaSpacing] = []
        for (key, spacing) in flags where try settings.bool(key) ?? false {
            if spacing != .lu || traits.fields.contains(.luSpreading) { chosen.append(spacing) }
        }
        guard chosen.count <= 1 else {
            throw settings.cursor.failure(
                "the levels of noise are spread in several ways at once", expected: "one",
                found: chosen.map(\.rawValue).joined(separator: ", "))
        }
        distribution = chosen.first ?? .schedule
        if traits.fields.contains(.lastLevel) {
            endsInZero = try settings.word("final_sigmas_type", ["zero": true, "sigma_min": false]) ?? true
        }
        if traits.fields.contains(.range) {
            lowest = try settings.number("sigma_min", 1e-6...1e6)
            highest = try settings.number("sigma_max", 1e-6...1e6)
            if let lowest, let highest, lowest >= highest {
                throw settings.cursor.failure(
                    "the lowest level of noise is not below the highest", expected: "sigma_min below \(highest)", found: "\(lowest)")
            }
        }
        if method == .euler {
            let isContinuous = try settings.word("timestep_type", ["discrete": false, "continuous": true]) ?? false
            tellsLogarithm = isContinuous && prediction == .velocity
            _ = try settings.word("interpolation_type", ["linear": true])
        }
        // Timesteps of a schedule by cosine are told as they are, which as whole numbers means rounded down.
        let isCosine = try settings.cursor.optional("beta_schedule")?.value == .string("squaredcos_cap_v2")
        if method == .dpmSolver, isCosine { roundsKarras = false }
    }

    private func readBounds(_ settings: SamplerFields) throws(IsomerError) -> ImageBounds? {
        let traits = method.traits
        if traits.fields.contains(.thresholding), try settings.bool("thresholding") ?? false {
            return .quantile(
                try settings.number("dynamic_thresholding_ratio", 0...1) ?? 0.995,
                greatest: try settings.number("sample_max_value", 1e-6...1e6) ?? 1)
        }
        guard traits.fields.contains(.clipping), try settings.bool("clip_sample") ?? traits.clips else { return nil }
        return .range(Float(try settings.number("clip_sample_range", 0...1e6) ?? 1))
    }

    private mutating func readSolvers(_ settings: SamplerFields) throws(IsomerError) {
        switch method {
        case .ddpm:
            variance =
                try settings.word(
                    "variance_type", ["fixed_small": .small, "fixed_small_log": .small, "fixed_large": .large, "fixed_large_log": .large])
                ?? .small
        case .pndm: startsWithRungeKutta = try !(settings.bool("skip_prk_steps") ?? false)
        case .lcm, .tcd:
            originalSteps = try settings.integer("original_inference_steps", 1...max(1, schedule.alphas.count)) ?? 50
            timestepScaling = try settings.number("timestep_scaling", 0...1e6) ?? 10
        case .dpmSolver, .dpmSolverSingle:
            solver.algorithm = try settings.word("algorithm_type", ["deis": .image]) ?? .image
            solver.order = try settings.integer("solver_order", 1...3) ?? 2
            solver.usesHeun =
                try settings.word("solver_type", ["midpoint": false, "heun": true, "logrho": false, "bh1": false, "bh2": false]) ?? false
            solver.lowersOrderAtEnd = try settings.bool("lower_order_final") ?? (method == .dpmSolver)
            solver.usesEulerAtEnd = try settings.bool("euler_at_final") ?? false
            if let lowest = try settings.cursor.optional("lambda_min_clipped") {
                // Usually minus infinity, which is not a finite number.
                lowestLogarithm = lowest.value == .number(JSONNumber(-Double.infinity)) ? -.infinity : try lowest.double()
            }
        case .dpmSolverSDE: pathSeed = try settings.integer("noise_sampler_seed", 0 ... .max).map(UInt64.init)
        case .uniPC:
            uniPC.order = try settings.integer("solver_order", 1...3) ?? 2
            uniPC.usesFirstFunction =
                try settings.word("solver_type", ["bh1": true, "bh2": false, "midpoint": false, "heun": false, "logrho": false]) ?? false
            uniPC.integratesNoise = try !(settings.bool("predict_x0") ?? true)
            uniPC.lowersOrderAtEnd = try settings.bool("lower_order_final") ?? true
            uniPC.uncorrected = try settings.integers("disable_corrector", 0...100_000) ?? []
        default: break
        }
    }

    private mutating func readFlow(_ settings: SamplerFields) throws(IsomerError) {
        if method != .flowEuler { usesFlow = try settings.bool("use_flow_sigmas") ?? false }
        guard usesFlow else { return }
        let factor = try settings.number(method == .flowEuler ? "shift" : "flow_shift", 1e-6...1e6) ?? 1
        shift = .fixed(factor)
        if try settings.bool("use_dynamic_shifting") ?? false {
            shift = .byTokens(
                base: TokenShift(
                    tokens: try settings.integer("base_image_seq_len", 1...1 << 30) ?? 256,
                    shift: try settings.number("base_shift", -100...100) ?? 0.5),
                greatest: TokenShift(
                    tokens: try settings.integer("max_image_seq_len", 1...1 << 30) ?? 4_096,
                    shift: try settings.number("max_shift", -100...100) ?? 1.15),
                isLinear: try settings.word("time_shift_type", ["exponential": false, "linear": true]) ?? false)
        }
        // Zero, which diffusers takes for none, says nothing.
        if let terminal = try settings.number("shift_terminal", 0...0.999), terminal > 0 { flow.terminal = terminal }
        flow.isStochastic = try settings.bool("stochastic_sampling") ?? false
        if try settings.bool("invert_sigmas") ?? false {
            throw IsomerError(
                .unsupported, "flows from the image to the noise are not sampled", path: settings.cursor.path, item: "invert_sigmas")
        }
    }
}
