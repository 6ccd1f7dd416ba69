import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Flux.1: its transformer is published alone; other tools join it with the VAE and the text encoders.
    public static let flux = ModelFamily(
        identifier: "flux",
        title: "Flux.1",
        slots: [
            Slot(
                "transformer", FluxTransformerConfiguration.self,
                Placement.joinedOrAlone(Layouts.flux, Layouts.fluxWithWeights, Layouts.fluxTransformer),
                alone: { _, _ in Placement("", Layouts.flux) }),
            .joinedVAE,
            Slot(
                "text_encoder", CLIPTextConfiguration.self,
                [Layouts.clipText, Layouts.flatCLIPText].map { Placement("text_encoders.clip_l.transformer.", $0) },
                adapt: CLIPTextConfiguration.withoutProjection),
            .t5("text_encoder_2", isOptional: false),
        ],
        members: [
            member("flux-dev", "Flux.1 dev or kontext"),
            member("flux-schnell", "Flux.1 schnell", hasGuidance: false),
            member("flux-fill", "Flux.1 fill", pipeline: "FluxFillPipeline", inputs: 384),
            member("flux-depth", "Flux.1 depth or canny", pipeline: "FluxControlPipeline", inputs: 128),
        ],
        companions: Companion.textEncoders,
        evidence: { components in
            [Evidence("there is a transformer of double and single blocks", components["transformer"] is FluxTransformerConfiguration)]
        })

    private static func member(
        _ identifier: String, _ title: String, pipeline: String = "FluxPipeline", inputs: Int = 64, hasGuidance: Bool = true
    ) -> ModelMember {
        var transformer = FluxTransformerConfiguration(
            inputWidth: inputs, outputWidth: 64, width: 3072, headWidth: 128, doubleBlocks: 19, singleBlocks: 38, contextWidth: 4096,
            pooledWidth: 768, hasGuidance: hasGuidance)
        transformer.rotaryWidths = [16, 56, 56]
        return ModelMember(
            identifier, title, pipeline: pipeline,
            components: [
                "transformer": transformer, "vae": AutoencoderKLConfiguration.flux, "text_encoder": CLIPTextConfiguration.vitL,
                "text_encoder_2": T5EncoderConfiguration.xxl,
            ],
            scheduler: [
                "_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.30.0.dev0", "base_image_seq_len": 256,
                "base_shift": 0.5, "max_image_seq_len": 4096, "max_shift": 1.15, "num_train_timesteps": 1000,
                "shift": hasGuidance ? 3.0 : 1.0, "use_dynamic_shifting": .bool(hasGuidance),
            ],
            prediction: .flow,
            tokenizers: [
                MemberTokenizer("tokenizer", for: "text_encoder", .clip(padding: "<|endoftext|>")),
                MemberTokenizer("tokenizer_2", for: "text_encoder_2", .t5),
            ])
    }
}
