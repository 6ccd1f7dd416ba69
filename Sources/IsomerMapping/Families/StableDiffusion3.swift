import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion 3 and 3.5: a joint transformer and three text encoders, of which the largest may be left out.
    static let stableDiffusion3 = ModelFamily(
        identifier: "sd3",
        title: "Stable Diffusion 3",
        slots: [
            Slot(
                "transformer", SD3TransformerConfiguration.self,
                [
                    Placement("model.diffusion_model.", Layouts.mmdit), Placement("", Layouts.mmdit),
                    Placement("model.diffusion_model.", Layouts.sd3Transformer), Placement("", Layouts.sd3Transformer),
                ]),
            .sixteenChannelVAE,
            .projectedCLIP("text_encoder", "text_encoders.clip_l.transformer."),
            .projectedCLIP("text_encoder_2", "text_encoders.clip_g.transformer."),
            .t5("text_encoder_3"),
        ],
        members: [
            member("sd3-medium", "Stable Diffusion 3 medium", layers: 24, positions: 192),
            member("sd35-medium", "Stable Diffusion 3.5 medium", layers: 24, dual: 13, positions: 384, isNormalized: true),
            member("sd35-large", "Stable Diffusion 3.5 large", layers: 38, positions: 192, isNormalized: true),
        ],
        companions: Companion.textEncoders,
        evidence: { components in
            var evidence = [Evidence("there is a transformer of joint blocks", components["transformer"] is SD3TransformerConfiguration)]
            if let vae = components["vae"] as? AutoencoderKLConfiguration,
                let transformer = components["transformer"] as? SD3TransformerConfiguration
            {
                evidence.append(
                    Evidence(
                        "the transformer takes as many channels as the VAE's latents have", transformer.inputChannels == vae.latentChannels)
                )
            }
            return evidence
        })

    private static func member(
        _ identifier: String, _ title: String, layers: Int, dual: Int = 0, positions: Int, isNormalized: Bool = false
    ) -> ModelMember {
        var transformer = SD3TransformerConfiguration(
            inputChannels: 16, outputChannels: 16, patchSize: 2, width: 64 * layers, layers: layers, dualAttentionLayers: Array(0..<dual),
            contextWidth: 4096, pooledWidth: 2048, positionsSide: positions, normalizedHeadWidth: isNormalized ? 64 : nil)
        transformer.headWidth = 64
        transformer.sampleSize = 128
        return ModelMember(
            identifier, title, pipeline: "StableDiffusion3Pipeline",
            components: [
                "transformer": transformer, "vae": AutoencoderKLConfiguration.stableDiffusion3,
                "text_encoder": CLIPTextConfiguration.projectedVitL, "text_encoder_2": CLIPTextConfiguration.bigG,
                "text_encoder_3": T5EncoderConfiguration.xxl,
            ],
            scheduler: [
                "_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.29.0.dev0", "num_train_timesteps": 1000,
                "shift": 3.0,
            ],
            prediction: .flow,
            tokenizers: [
                MemberTokenizer("tokenizer", for: "text_encoder", .clip(padding: "<|endoftext|>")),
                MemberTokenizer("tokenizer_2", for: "text_encoder_2", .clip(padding: "!")),
                MemberTokenizer("tokenizer_3", for: "text_encoder_3", .t5),
            ])
    }
}

extension Companion {
    /// What tools that join files leave beside text encoders.
    static let textEncoders: [Companion] = [
        Companion("text_encoders.{*}", "a part of a text encoder that its network does not have"),
        Companion("model_sampling.{*}", "the noise schedule, which the scheduler's configuration says"),
    ]
}

extension Slot {
    /// The sixteen-channel VAE of Stable Diffusion 3 and Flux.
    static let sixteenChannelVAE = Slot(
        "vae", AutoencoderKLConfiguration.self,
        [Placement("first_stage_model.", Layouts.ldmVAE), Placement("vae.", Layouts.ldmVAE)],
        alone: { _, _ in Placement("", Layouts.ldmVAE) })

    /// A CLIP text encoder with its projection in transformers' names, as all-in-one files have it.
    ///
    /// Tools that cut the encoder out of a model without a projection leave it away; its user then takes the pooled text as it is.
    static func projectedCLIP(_ name: String, _ prefix: String) -> Slot {
        Slot(
            name, CLIPTextConfiguration.self, [Placement(prefix, Layouts.clipText), Placement(prefix, Layouts.flatCLIPText)],
            implied: { text in
                guard text.projectionWidth == text.width, text.width <= 4_096 else { return [] }
                var identity = [Float](repeating: 0, count: text.width * text.width)
                for i in 0..<text.width { identity[i * (text.width + 1)] = 1 }
                return [GeneratedTensor(name: "text_projection.weight", .floats(identity), dimensions: [text.width, text.width])]
            },
            adapt: { found, _, _ in
                var text = found
                text.projectionWidth = found.projectionWidth ?? found.width
                return (text, [])
            })
    }

    /// T5's encoder in transformers' names, as all-in-one files have it.
    static func t5(_ name: String, isOptional: Bool = true) -> Slot {
        Slot(
            name, T5EncoderConfiguration.self,
            [Layouts.t5, Layouts.t5EmbeddedTokens].map { Placement("text_encoders.t5xxl.transformer.", $0) }, isOptional: isOptional)
    }
}
