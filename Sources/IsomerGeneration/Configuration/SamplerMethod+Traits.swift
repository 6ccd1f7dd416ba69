/// What is particular to one of diffusers' sampler classes, and what it takes where `scheduler_config.json` is silent.
///
/// Reference: diffusers 0.42.1, the parameters of each scheduler's `__init__`.
struct SamplerTraits {
    /// Fields that some classes have; the others leave them aside.
    struct Fields: OptionSet {
        let rawValue: Int

        /// `rescale_betas_zero_snr`
        static let rescaling = Fields(rawValue: 1)
        /// `use_karras_sigmas`, `use_exponential_sigmas`, `use_beta_sigmas`
        static let spreading = Fields(rawValue: 2)
        /// `use_lu_lambdas`
        static let luSpreading = Fields(rawValue: 4)
        /// `final_sigmas_type`
        static let lastLevel = Fields(rawValue: 8)
        /// `sigma_min`, `sigma_max`
        static let range = Fields(rawValue: 16)
        /// `clip_sample`
        static let clipping = Fields(rawValue: 32)
        /// `thresholding`
        static let thresholding = Fields(rawValue: 64)
        /// `prediction_type` may be `sample`
        static let images = Fields(rawValue: 128)
        /// Both bounds, and images.
        static let pixels: Fields = [.clipping, .thresholding, .images]
    }

    var fields: Fields
    /// Whether levels of noise can be spread otherwise than the training steps are.
    var hasLevels = true
    /// Whether it can go along a straight flow.
    var supportsFlow = false
    /// Which training steps are taken.
    var spacing = TimestepSpacing.linspace
    /// The variance that the first and the last training step add.
    var betas = 0.0001...0.02
    /// How the others lie between.
    var betaSchedule = NoiseSchedule.Growth.linear
    /// What the model predicts.
    var prediction = PredictionType.epsilon
    /// Whether the predicted image is bounded.
    var clips = false
    /// Whether there is no noise at all after the last step.
    var endsAtOne = true
}

extension SamplerMethod {
    /// What is particular to this sampler.
    var traits: SamplerTraits {
        // Stable Diffusion's own, which classes have that were written for it.
        let latent = 0.00085...0.012
        return switch self {
        case .ddim, .ddpm: SamplerTraits(fields: [.rescaling, .pixels], hasLevels: false, spacing: .leading, clips: true)
        case .pndm: SamplerTraits(fields: [], hasLevels: false, spacing: .leading, endsAtOne: false)
        case .lms: SamplerTraits(fields: [.spreading, .images])
        case .euler: SamplerTraits(fields: [.rescaling, .spreading, .lastLevel, .range, .images])
        case .eulerAncestral: SamplerTraits(fields: .rescaling)
        case .heun: SamplerTraits(fields: [.spreading, .clipping, .images], betas: latent)
        case .dpm2, .dpm2Ancestral, .dpmSolverSDE: SamplerTraits(fields: .spreading, betas: latent)
        case .dpmSolver:
            SamplerTraits(fields: [.rescaling, .spreading, .luSpreading, .lastLevel, .thresholding, .images], supportsFlow: true)
        case .dpmSolverSingle: SamplerTraits(fields: [.spreading, .lastLevel, .thresholding, .images], supportsFlow: true)
        case .uniPC:
            SamplerTraits(fields: [.rescaling, .spreading, .lastLevel, .range, .thresholding, .images], supportsFlow: true)
        case .lcm:
            SamplerTraits(
                fields: [.rescaling, .pixels], hasLevels: false, spacing: .leading, betas: latent, betaSchedule: .scaledLinear)
        case .tcd:
            // It has fields for bounds and does not look at them.
            SamplerTraits(
                fields: [.rescaling, .images], hasLevels: false, spacing: .leading, betas: latent, betaSchedule: .scaledLinear)
        case .flowEuler: SamplerTraits(fields: [.rescaling, .spreading], supportsFlow: true, prediction: .flow)
        }
    }
}
