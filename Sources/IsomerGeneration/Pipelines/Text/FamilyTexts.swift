import IsomerArchitectures
import IsomerBytes

/// Stable Diffusion 1 and 2: one CLIP encoder.
struct StableDiffusionText: TextConditioner {
    private let reader: CLIPReader
    private let skip: Int

    init(_ model: GenerationModel, _ options: TextOptions) throws(IsomerError) {
        reader = try CLIPReader("text_encoder", of: model, options)
        skip = options.clipSkip
    }

    func features(of texts: [String?], in session: ModelSession) throws(IsomerError) -> [TextFeatures] {
        let windows = try reader.evened(texts.map { $0 ?? "" })
        return try reader.features(of: windows, .normalised(skip: skip), isProjected: false, in: session).map {
            TextFeatures(context: $0.context)
        }
    }
}

/// SDXL: OpenAI's CLIP and OpenCLIP's side by side; the refiner has the second alone.
///
/// Reference: diffusers 0.42.1, pipelines/stable_diffusion_xl/pipeline_stable_diffusion_xl.py `encode_prompt`.
struct StableDiffusionXLText: TextConditioner {
    private let readers: [CLIPReader]
    private let skip: Int
    /// Whether a text that was not given is told as zeros.
    private let zerosNone: Bool

    init(_ model: GenerationModel, _ options: TextOptions) throws(IsomerError) {
        var readers: [CLIPReader] = []
        for slot in ["text_encoder", "text_encoder_2"] where model.has(slot) {
            readers.append(try CLIPReader(slot, of: model, options, unread: 1))
        }
        self.readers = readers
        skip = options.clipSkip
        zerosNone = model.index["force_zeros_for_empty_prompt"] == .bool(true)
    }

    func features(of texts: [String?], in session: ModelSession) throws(IsomerError) -> [TextFeatures] {
        let given = texts.map { $0 ?? "" }
        let parts = try CLIPReader.penultimate(readers, given, skip: skip, in: session)
        return texts.indices.map { text in
            let context = Values.beside(parts.map { $0[text].context })
            let pooled = parts.last?[text].pooled ?? Values([0])
            let isZero = texts[text] == nil && zerosNone && !session.isRehearsal
            return isZero
                ? TextFeatures(context: .zeros(context.shape), pooled: .zeros(pooled.shape))
                : TextFeatures(context: context, pooled: pooled)
        }
    }
}

/// Stable Diffusion 3: both CLIPs side by side, widened with zeros, and T5's tokens after them, or zeros where there is no T5.
///
/// Reference: diffusers 0.42.1, pipelines/stable_diffusion_3/pipeline_stable_diffusion_3.py `encode_prompt`.
struct StableDiffusion3Text: TextConditioner {
    private static let tokens = 256

    private let readers: [CLIPReader]
    private let long: T5Reader?
    private let width: Int
    private let tokens: Int
    private let skip: Int

    init(_ model: GenerationModel, _ options: TextOptions) throws(IsomerError) {
        readers = try ["text_encoder", "text_encoder_2"].map { slot throws(IsomerError) in
            try CLIPReader(slot, of: model, options, unread: 1)
        }
        long = model.has("text_encoder_3") ? try T5Reader("text_encoder_3", of: model, tokens: Self.tokens, options) : nil
        let transformer: SD3TransformerConfiguration = try model.configuration("transformer")
        width = transformer.contextWidth
        tokens = options.textTokens ?? Self.tokens
        skip = options.clipSkip
    }

    func features(of texts: [String?], in session: ModelSession) throws(IsomerError) -> [TextFeatures] {
        let given = texts.map { $0 ?? "" }
        let parts = try CLIPReader.penultimate(readers, given, skip: skip, in: session)
        let tail = try long?.features(of: given, in: session) ?? given.map { _ in Values.zeros([tokens, width]) }
        return texts.indices.map { text in
            TextFeatures(
                context: .joined([Values.beside(parts.map { $0[text].context }).widened(to: width), tail[text]]),
                pooled: .beside(parts.map { $0[text].pooled }))
        }
    }
}

/// Flux: T5's tokens, and CLIP's vector.
///
/// Reference: diffusers 0.42.1, pipelines/flux/pipeline_flux.py `encode_prompt`; black-forest-labs/flux, util.py, for schnell's 256 tokens.
struct FluxText: TextConditioner {
    private let short: CLIPReader
    private let long: T5Reader

    init(_ model: GenerationModel, _ options: TextOptions) throws(IsomerError) {
        let transformer: FluxTransformerConfiguration = try model.configuration("transformer")
        guard options.clipSkip == 1 else {
            throw IsomerError(
                .usage, "of CLIP this model reads only the last layer", path: model.path, found: "a clip skip of \(options.clipSkip)",
                remedy: "leave --clip-skip away")
        }
        short = try CLIPReader("text_encoder", of: model, options)
        long = try T5Reader("text_encoder_2", of: model, tokens: transformer.hasGuidance ? 512 : 256, options)
    }

    func features(of texts: [String?], in session: ModelSession) throws(IsomerError) -> [TextFeatures] {
        let given = texts.map { $0 ?? "" }
        let pooled = try short.features(of: short.evened(given), .normalised(skip: 1), isProjected: false, in: session)
        return zip(try long.features(of: given, in: session), pooled).map { TextFeatures(context: $0, pooled: $1.pooled) }
    }
}
