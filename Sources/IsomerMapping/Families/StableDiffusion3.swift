import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion 3 and 3.5: a joint transformer and three text encoders, of which the largest may be left out.
    public static let stableDiffusion3 = ModelFamily(
        identifier: "sd3",
        title: "Stable Diffusion 3",
        slots: [
            Slot(
                "transformer", SD3TransformerConfiguration.self,
                Placement.joinedOrAlone(Layouts.mmdit, Layouts.sd3Transformer)),
            Slot(
                "vae", AutoencoderKLConfiguration.self,
                [Placement("first_stage_model.", Layouts.ldmVAE), Placement("vae.", Layouts.ldmVAE)],
                alone: { _, _ in Placement("", Layouts.ldmVAE) }),
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
