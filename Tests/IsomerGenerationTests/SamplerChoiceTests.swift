import IsomerBytes
import IsomerGeneration
import IsomerTestSupport
import Testing

@Suite struct SamplerChoiceTests {
    @Test func everyNameIsFound() throws {
        for choice in SamplerChoice.all {
            #expect(try SamplerChoice(named: choice.name) == choice)
            #expect(try SamplerChoice(named: choice.name.uppercased().split(separator: "-").joined(separator: "_")) == choice)
            if let title = choice.title { #expect(try SamplerChoice(named: title) == choice) }
        }
        for method in SamplerMethod.allCases { #expect(try SamplerChoice(named: method.rawValue).method == method) }
    }

    @Test(arguments: [
        ("DPM++ 2M Karras", "dpmpp-2m", SigmaSpacing.karras), ("DPM++ 2M SDE Exponential", "dpmpp-2m-sde", .exponential),
        ("dpmpp-sde-karras", "dpmpp-sde", .karras), ("Euler Beta", "euler", .beta), ("DPM2 a Karras", "dpm2-a", .karras),
        ("lms ays", "lms", .alignYourSteps), ("Heun Align Your Steps", "heun", .alignYourSteps), ("euler uniform", "euler", .schedule),
    ])
    func aNameMaySayTheLevels(text: String, name: String, distribution: SigmaSpacing) throws {
        let choice = try SamplerChoice(named: text)
        #expect(choice.name == name)
        #expect(choice.distribution == distribution)
    }

    @Test(arguments: ["", "DDIM Karras", "eulerr", "karras", "DPM++ 2S a", "dpmpp-2m+"]) func anythingElseListsWhatThereIs(text: String)
        throws
    {
        let error = try #require(throws: IsomerError.self) { _ = try SamplerChoice(named: text) }
        #expect(error.code == .usage)
        #expect(error.found == text)
        for choice in SamplerChoice.all { #expect(error.expected?.contains(choice.name) == true) }
    }

    private func config(_ text: String) throws -> JSONCursor { JSONCursor(try JSONValue(parsing: Array(text.utf8), dialect: .python)) }

    /// As diffusers' `EulerDiscreteScheduler.from_config(pipeline.scheduler.config)`: fields that are not there take the chosen class's defaults.
    @Test func aChosenSamplerKeepsTheModelsFields() throws {
        let stable = try config(
            """
            {"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
             "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "clip_sample": false}
            """)
        let own = try SamplerConfiguration(stable)
        #expect(own.method == .pndm && own.spacing == .leading && own.offset == 1 && !own.startsWithRungeKutta && !own.endsAtOne)
        let euler = try SamplerConfiguration(stable, SamplerChoice(named: "Euler Karras"))
        #expect(euler.method == .euler && euler.spacing == .linspace && euler.distribution == .karras && euler.schedule == own.schedule)
        let sde = try SamplerConfiguration(stable, SamplerChoice(named: "DPM++ 3M SDE"))
        #expect(sde.solver.order == 3 && sde.solver.algorithm == .imageStochastic)
        #expect(try SamplerConfiguration(stable, SamplerChoice(named: "pndm")).startsWithRungeKutta)
        #expect(try SamplerConfiguration(stable, SamplerChoice(named: "ddim")).bounds == nil)
    }

    @Test func minusInfinityIsRead() throws {
        let solver = try config(
            #"{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "algorithm_type": "deis"}"#)
        let configuration = try SamplerConfiguration(solver)
        #expect(configuration.lowestLogarithm == -.infinity && configuration.solver.algorithm == .image)
    }

    @Test(arguments: [
        (#"{"_class_name": "MagicScheduler"}"#, IsomerError.Code.unsupported, "_class_name"),
        (#"{}"#, .malformed, "_class_name"),
        (#"{"_class_name": "DDIMScheduler", "beta_schedule": "spiral"}"#, .unsupported, "beta_schedule"),
        (#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 0}"#, .malformed, "num_train_timesteps"),
        (#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1e9}"#, .malformed, "num_train_timesteps"),
        (#"{"_class_name": "DDIMScheduler", "beta_start": -1}"#, .malformed, "beta_start"),
        (#"{"_class_name": "DDIMScheduler", "thresholding": true, "sample_max_value": 0}"#, .malformed, "sample_max_value"),
        (
            #"{"_class_name": "DDIMScheduler", "thresholding": true, "dynamic_thresholding_ratio": 99.5}"#, .malformed,
            "dynamic_thresholding_ratio"
        ),
        (#"{"_class_name": "DDPMScheduler", "variance_type": "learned_range"}"#, .unsupported, "variance_type"),
        (#"{"_class_name": "DDPMScheduler", "trained_betas": []}"#, .malformed, "trained_betas"),
        (#"{"_class_name": "LCMScheduler", "original_inference_steps": 2000}"#, .malformed, "original_inference_steps"),
        (#"{"_class_name": "EulerDiscreteScheduler", "prediction_type": 3}"#, .malformed, "prediction_type"),
    ])
    func aFieldThatCannotBeUsedIsNamed(text: String, code: IsomerError.Code, item: String) throws {
        let error = try #require(throws: IsomerError.self) { _ = try SamplerConfiguration(config(text)) }
        #expect(error.code == code)
        #expect(error.location.item == item)
        if item == "_class_name", code == .unsupported {
            for method in SamplerMethod.allCases { #expect(error.expected?.contains(method.rawValue) == true) }
        }
    }

    @Test func levelsAreSpreadInOneWay() throws {
        #expect(throws: IsomerError.self) {
            try SamplerConfiguration(
                config(#"{"_class_name": "LMSDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}"#))
        }
    }

    /// Classes without the field pass it over, as diffusers' do; a threshold goes before a bound.
    @Test func boundsAreThoseThatTheClassHas() throws {
        let fields = #""thresholding": true, "sample_max_value": 2, "clip_sample": true, "clip_sample_range": 3}"#
        let thresholding: Set<SamplerMethod> = [.ddim, .ddpm, .dpmSolver, .dpmSolverSingle, .uniPC, .lcm]
        for method in SamplerMethod.allCases {
            let found = try SamplerConfiguration(config(#"{"_class_name": "\#(method.rawValue)", "# + fields)).bounds
            #expect(
                found == (thresholding.contains(method) ? .quantile(0.995, greatest: 2) : method == .heun ? .range(3) : nil), "\(method)")
        }
    }

    /// Those that diffusers has no formula for, with or without a model of the image.
    @Test func modelsOfTheImageHaveTheirSamplers() throws {
        let none: Set<SamplerMethod> = [.pndm, .eulerAncestral, .dpm2, .dpm2Ancestral, .dpmSolverSDE]
        for method in SamplerMethod.allCases where method != .flowEuler {
            let model = try SamplerConfiguration(config(#"{"_class_name": "\#(method.rawValue)", "prediction_type": "sample"}"#))
            guard none.contains(method) else {
                _ = try model.sampler(steps: 3)
                continue
            }
            let error = try #require(throws: IsomerError.self) { _ = try model.sampler(steps: 3) }
            #expect(error.expected?.contains("DDIMScheduler") == true && error.found == "sample")
        }
        let single = try SamplerConfiguration(
            config(
                #"{"_class_name": "DPMSolverSinglestepScheduler", "thresholding": true, "algorithm_type": "dpmsolver","#
                    + #" "final_sigmas_type": "sigma_min"}"#))
        #expect(throws: IsomerError.self) { try single.sampler(steps: 3) }
    }

    /// Numbers that are none, or infinite, pass through a threshold without a trap.
    @Test func aThresholdOfOddNumbers() throws {
        let bounds = ImageBounds.quantile(0.5, greatest: 1.5)
        #expect(bounds.applied(to: []).isEmpty)
        #expect(bounds.applied(to: [0.5, -4, .infinity]) == [0.5 / 1.5, -1, 1])
        #expect(bounds.applied(to: [.nan, 1, .nan]).count == 3)
        #expect(ImageBounds.quantile(1, greatest: 9).applied(to: [0.5, -0.25]) == [0.5, -0.25])
    }

    /// In a flow's own file the word stands for nothing.
    @Test func aFlowsPredictionTypeIsPassedOver() throws {
        let flow = try config(#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "prediction_type": "epsilon"}"#)
        #expect(try SamplerConfiguration(flow).prediction == .flow)
    }

    @Test func stepsAndModelsThatDoNotFitAreRefused() throws {
        for steps in [0, -1, 1_001, .max, .min] {
            for method in SamplerMethod.allCases where method != .flowEuler || steps < 1 || steps > 10_000 {
                #expect(throws: IsomerError.self) { try SamplerConfiguration(method).sampler(steps: steps) }
            }
        }
        #expect(throws: IsomerError.self) { try SamplerConfiguration(.lcm).sampler(steps: 51) }
        #expect(throws: IsomerError.self) { try SamplerConfiguration(.lcm).sampler(steps: 1, strength: 0) }
        var flow = SamplerConfiguration(.euler)
        flow.prediction = .flow
        #expect(throws: IsomerError.self) { try flow.sampler(steps: 4) }
        var spread = SamplerConfiguration(.ddim)
        spread.distribution = .karras
        #expect(throws: IsomerError.self) { try spread.sampler(steps: 4) }
        var shifted = SamplerConfiguration(.flowEuler)
        shifted.shift = .byTokens(base: .init(tokens: 256, shift: 0.5), greatest: .init(tokens: 4_096, shift: 1.15), isLinear: false)
        #expect(throws: IsomerError.self) { try shifted.sampler(steps: 4) }
        #expect(try shifted.sampler(steps: 4, tokens: 1_024).stepCount == 4)
    }

    /// For every method, spacing and number of steps: no trap, finite samples, as many steps as were asked for.
    @Test(arguments: SamplerMethod.allCases) func everyNumberOfStepsEnds(method: SamplerMethod) throws {
        for spacing in TimestepSpacing.allCases {
            for distribution in method.hasLevels ? SigmaSpacing.allCases : [.schedule] {
                for steps in [1, 2, 3, 4, 5, 16, 50] {
                    var configuration = SamplerConfiguration(method)
                    configuration.spacing = spacing
                    configuration.distribution = distribution
                    var sampler = try configuration.sampler(steps: steps)
                    #expect(spacing == .compVis || sampler.stepCount == steps)
                    var sample = [sampler.initialDeviation, -sampler.initialDeviation]
                    for call in sampler.timesteps.indices {
                        let shown = sampler.input(sample, at: call)
                        sample = sampler.step(shown.map { $0 / 2 }, sample, at: call) { [Float](repeating: 0.5, count: $0) }
                    }
                    #expect(sample.allSatisfy { $0.isFinite }, "\(spacing) \(distribution) \(steps)")
                }
            }
        }
    }

    /// A sampler is a value: a copy taken at any call goes on to the same image.
    @Test(arguments: SamplerMethod.allCases) func aCopyGoesItsOwnWay(method: SamplerMethod) throws {
        func finish(_ sampler: any Sampler, _ sample: [Float], from first: Int) -> [Float] {
            var (sampler, sample) = (sampler, sample)
            for call in first..<sampler.timesteps.count {
                sample = sampler.step(sample.map { $0 / 3 }, sample, at: call) { [Float](repeating: 0.5, count: $0) }
            }
            return sample
        }
        var sampler = try SamplerConfiguration(method).sampler(steps: 7)
        var sample: [Float] = [1, -2]
        let whole = finish(sampler, sample, from: 0)
        for call in sampler.timesteps.indices {
            #expect(finish(sampler, sample, from: call) == whole)
            sample = sampler.step(sample.map { $0 / 3 }, sample, at: call) { [Float](repeating: 0.5, count: $0) }
        }
    }

    /// Of the steps, image to image does as many as `strength` says; a sampler that asks twice a step begins with a whole one.
    @Test(arguments: SamplerMethod.allCases) func imageToImageBeginsWithinTheSteps(method: SamplerMethod) throws {
        let sampler = try SamplerConfiguration(method).sampler(steps: 10)
        #expect(sampler.firstCall(strength: 1) == 0 && sampler.firstCall(strength: 2) == 0)
        #expect(sampler.firstCall(strength: 0) >= sampler.timesteps.count - 1)
        #expect(sampler.firstCall(strength: -1) <= sampler.timesteps.count)
        #expect(sampler.firstCall(strength: 0.5) == 5 * sampler.callsPerStep)
        let image: [Float] = [3, 4]
        #expect(sampler.noised(image, [0, 0], at: sampler.timesteps.count - 1).allSatisfy { $0 > 0 })
    }
}
