/// The samplers, by the names of diffusers' classes.
public enum SamplerMethod: String, Hashable, Sendable, CaseIterable {
    case ddim = "DDIMScheduler"
    case ddpm = "DDPMScheduler"
    case pndm = "PNDMScheduler"
    case lms = "LMSDiscreteScheduler"
    case euler = "EulerDiscreteScheduler"
    case eulerAncestral = "EulerAncestralDiscreteScheduler"
    case heun = "HeunDiscreteScheduler"
    case dpm2 = "KDPM2DiscreteScheduler"
    case dpm2Ancestral = "KDPM2AncestralDiscreteScheduler"
    case dpmSolver = "DPMSolverMultistepScheduler"
    case dpmSolverSingle = "DPMSolverSinglestepScheduler"
    case dpmSolverSDE = "DPMSolverSDEScheduler"
    case uniPC = "UniPCMultistepScheduler"
    case lcm = "LCMScheduler"
    case tcd = "TCDScheduler"
    case flowEuler = "FlowMatchEulerDiscreteScheduler"

    /// Whether levels of noise can be spread otherwise than the training steps are.
    public var hasLevels: Bool { traits.hasLevels }

    /// Whether it goes along the straight flow of Stable Diffusion 3 and Flux.
    public var supportsFlow: Bool { traits.supportsFlow }
}
