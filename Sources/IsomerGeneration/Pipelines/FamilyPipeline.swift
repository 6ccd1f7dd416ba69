import IsomerArchitectures
import IsomerBytes
import IsomerImages
import IsomerMapping

/// Whose autoencoder gives latents their meaning: models of one space understand each other's.
enum LatentSpace: Hashable {
    case stableDiffusion
    case stableDiffusionXL
    case stableDiffusion3
    case flux
}

/// One model's parts as a pipeline needs them: how texts are read, how the denoiser is asked, how pictures are coded.
struct FamilyPipeline {
    let model: GenerationModel
    let text: any TextConditioner
    let denoiser: any Denoiser
    let kind: Kind

    /// What tells the families apart beyond their text and denoiser.
    enum Kind {
        case stableDiffusion
        /// Told sizes; the refiner also a score.
        case stableDiffusionXL(isScored: Bool)
        case stableDiffusion3
        case flux(hasGuidance: Bool)

        /// What its latents mean.
        var latents: LatentSpace {
            switch self {
            case .stableDiffusion: .stableDiffusion
            case .stableDiffusionXL: .stableDiffusionXL
            case .stableDiffusion3: .stableDiffusion3
            case .flux: .flux
            }
        }

        /// Whether a T5 encoder takes part.
        var readsLongTexts: Bool {
            switch self {
            case .stableDiffusion, .stableDiffusionXL: false
            case .stableDiffusion3, .flux: true
            }
        }
    }

    /// Throws `unsupported` if images are not made with models of this family.
    init(_ model: GenerationModel, _ request: GenerationRequest, controls: [ControlBranch]) throws(IsomerError) {
        self.model = model
        let options = TextOptions(request)
        switch model.family {
        case .stableDiffusion1, .stableDiffusion2:
            text = try StableDiffusionText(model, options)
            denoiser = try UNetDenoiser(model, controls: controls)
            kind = .stableDiffusion
        case .stableDiffusionXL, .stableDiffusionXLRefiner:
            text = try StableDiffusionXLText(model, options)
            denoiser = try UNetDenoiser(model, controls: controls)
            let isScored = model.index["requires_aesthetics_score"].map { $0 == .bool(true) } ?? (model.family == .stableDiffusionXLRefiner)
            kind = .stableDiffusionXL(isScored: isScored)
        case .stableDiffusion3:
            text = try StableDiffusion3Text(model, options)
            denoiser = try SD3Denoiser(model)
            kind = .stableDiffusion3
        case .flux:
            text = try FluxText(model, options)
            let flux = try FluxDenoiser(model, magnification: PictureCoder(model, tile: nil).magnification)
            denoiser = flux
            kind = .flux(hasGuidance: flux.hasGuidance)
        default:
            throw IsomerError(
                .unsupported, "images are not made with \(model.family.title) models", path: model.path,
                expected: "Stable Diffusion 1, 2, XL, 3 or Flux.1")
        }
        if case .stableDiffusion = kind { return }
        if case .stableDiffusionXL = kind { return }
        guard controls.isEmpty else {
            throw IsomerError(
                .unsupported, "ControlNets take part in making images with Stable Diffusion 1, 2 and XL only", path: model.path,
                found: model.title)
        }
    }

    /// Whether guidance was distilled into the denoiser, so that it predicts once.
    var isDistilled: Bool {
        if case .flux = kind { true } else { denoiser.hasGuidance }
    }

    /// What is usual where a request says nothing. Reference: the defaults of diffusers 0.42.1's pipelines; 20 steps as the web UI, but for models
    /// that were distilled to fewer or need more.
    var usualGuidance: Double {
        switch kind {
        // Reference: pipeline_latent_consistency_text2img.py.
        case .stableDiffusion where denoiser.hasGuidance: 8.5
        case .stableDiffusion: 7.5
        case .stableDiffusionXL: 5
        case .stableDiffusion3: 7
        case .flux(let hasGuidance): hasGuidance ? (denoiser.surroundings == .maskedPicture ? 30 : 3.5) : 1
        }
    }

    var usualSteps: Int {
        switch kind {
        case .stableDiffusion, .stableDiffusionXL: denoiser.hasGuidance ? 4 : 20
        case .stableDiffusion3: 28
        case .flux(let hasGuidance): hasGuidance ? 28 : 4
        }
    }

    /// Whether what stands beside the latent is drawn and scaled as the latent is, the mask pixel by pixel behind it.
    ///
    /// Reference: diffusers 0.42.1, pipeline_flux_fill.py, pipeline_flux_control.py.
    var drawsSurroundings: Bool {
        if case .flux = kind { true } else { false }
    }

    /// Whether a flow's levels are spread evenly before the shift.
    var spreadsEvenly: Bool {
        if case .flux = kind { true } else { false }
    }

    /// Whether diffusers' pipeline for the request mends the settings of old schedulers: not with ControlNets, by instructions, or distilled.
    func mendsSchedulers(_ request: GenerationRequest) -> Bool {
        guard case .stableDiffusion = kind else { return false }
        return request.controls.isEmpty && denoiser.surroundings != .picture && !denoiser.hasGuidance
    }

    /// SDXL's sizes for a text, or for the negative one.
    func sizes(_ size: PixelSize, isNegative: Bool) -> [Float] {
        guard case .stableDiffusionXL(let isScored) = kind else { return [] }
        let sides = [Float(size.height), Float(size.width)]
        return isScored ? sides + [0, 0, isNegative ? 2.5 : 6] : sides + [0, 0] + sides
    }

    /// What the denoiser is told in each branch of guidance, the first of which is the prompt's.
    func branches(_ features: [TextFeatures], _ beside: [[Values]], _ size: PixelSize, _ guidance: Float) -> [Branch] {
        zip(features, beside).enumerated().map { number, parts in
            Branch(text: parts.0, beside: parts.1, sizes: sizes(size, isNegative: number > 0), guidance: guidance)
        }
    }
}
