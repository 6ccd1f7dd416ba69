import IsomerArchitectures
import IsomerBytes
import IsomerImages

extension GenerationPipeline {
    /// The size of the first pass and of the last, or why there cannot be such images.
    static func sizes(
        _ request: GenerationRequest, _ family: FamilyPipeline, _ coder: PictureCoder, _ inputs: Inputs
    ) throws(IsomerError) -> (first: PixelSize, last: PixelSize) {
        let unit = coder.magnification * family.denoiser.sizeUnit
        let usual = family.denoiser.usualSide * coder.magnification
        func side(_ said: Int?, _ picture: Int?, _ name: String) throws(IsomerError) -> Int {
            // A picture's own size, as far as the model can have it.
            let side = said ?? picture.map { max(unit, $0 / unit * unit) } ?? usual
            guard side % unit == 0 else {
                let below = side < unit ? "" : "\(side / unit * unit) or "
                throw IsomerError(
                    .usage, "the \(name) does not suit the model", expected: "a multiple of \(unit) pixels", found: "\(side)",
                    remedy: "choose \(below)\((side / unit + 1) * unit)")
            }
            return side
        }
        let first = PixelSize(
            try side(request.width, inputs.picture?.size.width, "width"), try side(request.height, inputs.picture?.size.height, "height"))
        guard let factor = request.enlargement?.factor else { return (first, first) }
        func enlarged(_ side: Int) -> Int { max(unit, Int((Double(side) * factor / Double(unit)).rounded()) * unit) }
        return (first, PixelSize(enlarged(first.width), enlarged(first.height)))
    }

    /// Refuses what a model cannot do with what it is given.
    static func checkInputs(
        _ request: GenerationRequest, _ family: FamilyPipeline, _ refiner: FamilyPipeline?, _ inputs: Inputs
    ) throws(IsomerError) {
        if request.textTokens != nil, !family.kind.readsLongTexts {
            throw IsomerError(
                .usage, "this model has no T5 encoder whose tokens could be counted", path: family.model.path,
                remedy: "leave --text-tokens away")
        }
        let surroundings = family.denoiser.surroundings
        let latent = family.denoiser.latentChannels
        switch surroundings {
        case .nothing: break
        case .picture:
            guard inputs.picture != nil else {
                throw IsomerError(
                    .usage, "this model goes by a picture, and there is none", path: family.model.path, remedy: "give one with --image")
            }
            guard inputs.mask == nil else {
                throw IsomerError(
                    .usage, "this model goes by a whole picture and takes no mask", path: family.model.path, remedy: "leave --mask away")
            }
        case .maskedPicture:
            guard inputs.picture != nil, inputs.mask != nil else {
                throw IsomerError(
                    .usage, "this is an inpainting model: it fills what a mask leaves out of a picture", path: family.model.path,
                    remedy: "give both with --image and --mask")
            }
        case .other(let channels):
            throw IsomerError(
                .unsupported, "images are not made with models that look at something else than a picture and a mask",
                path: family.model.path, found: "\(latent + channels) channels, \(latent) of them the latent's")
        }
        if let refiner {
            guard refiner.kind.latents == family.kind.latents, refiner.denoiser.latentChannels == latent else {
                throw IsomerError(
                    .mismatch, "the refiner's latents are not the model's", path: refiner.model.path,
                    expected: "a model of the family of \(family.model.title)", found: refiner.model.title,
                    remedy: "use a refiner that was made for the model's own family")
            }
            guard refiner.denoiser.surroundings == .nothing, surroundings == .nothing else {
                throw IsomerError(
                    .unsupported, "models that look at a picture beside the latent have no refiner, and are none",
                    path: refiner.model.path, remedy: "leave --refiner away")
            }
        }
        if surroundings == .picture, request.enlargement != nil {
            throw IsomerError(
                .unsupported, "a model that goes by a picture has no second pass", path: family.model.path, remedy: "leave --hires away")
        }
    }

    /// How predictions are combined at `scale`.
    static func guidance(_ request: GenerationRequest, _ family: FamilyPipeline, _ scale: Double) throws(IsomerError) -> Guidance {
        if case .flux(let hasGuidance) = family.kind {
            guard hasGuidance || scale == 1 || scale == 0 else {
                throw IsomerError(
                    .usage, "this model was not made for guidance", path: family.model.path, expected: "no scale",
                    found: "\(scale)", remedy: "leave --cfg away")
            }
        }
        // A model that is told the strength of guidance, and one that was made to do without, predict once.
        if family.isDistilled {
            guard request.negativePrompt?.isEmpty ?? true else {
                throw IsomerError(
                    .usage, "this model takes no negative prompt: guidance was distilled into it", path: family.model.path,
                    remedy: "leave --negative away")
            }
            return .none
        }
        if family.denoiser.surroundings == .picture {
            guard scale > 1, request.imageGuidanceScale >= 1 else { return .none }
            return .instruction(textScale: Float(scale), pictureScale: Float(request.imageGuidanceScale))
        }
        // As everywhere in diffusers: turbo models are asked for with 0, and mean their prompt.
        return scale <= 1 ? .none : .text(scale: Float(scale), rescale: Float(request.guidanceRescale))
    }
}
