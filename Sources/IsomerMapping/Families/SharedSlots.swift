import IsomerArchitectures

// Components that checkpoints of several families hold in the same way.

extension Slot {
    /// The UNet of LDM and SGM checkpoints.
    ///
    /// Some Diffusers folders hold the maps around its transformers in the other of the two forms, linear or 1×1 convolution; the numbers are
    /// the same.
    static func ldmUNet(usesLinearProjection: Bool) -> Slot {
        @Sendable func original(_ found: UNetConfiguration) -> UNetConfiguration {
            var unet = found
            unet.usesLinearProjection = usesLinearProjection
            return unet
        }
        return Slot(
            "unet", UNetConfiguration.self,
            [Placement("model.diffusion_model.", Layouts.ldmUNet)] + Placement.alone(UNetConfiguration.self),
            average: Placement(.withoutDots(prefix: "model_ema.", stem: "diffusion_model."), Layouts.ldmUNet),
            written: original, adapt: { found, _, _ in (original(found), []) })
    }

    /// The autoencoder of LDM and SGM checkpoints.
    static let ldmVAE = Slot(
        "vae", AutoencoderKLConfiguration.self,
        [Placement("first_stage_model.", Layouts.ldmVAE), Placement("vae.", Layouts.ldmVAE)]
            + Placement.alone(AutoencoderKLConfiguration.self),
        alone: { _, _ in Placement("", Layouts.ldmVAE) },
        generated: { vae in
            guard let mean = vae.latentsMean, let deviation = vae.latentsDeviation else { return [] }
            return [("edm_mean", mean), ("edm_std", deviation)].map { name, numbers in
                // As Playground's own file has them: half precision would not give the configuration's numbers back.
                GeneratedTensor(name: name, .singles(numbers.map { Float($0) }), dimensions: [1, numbers.count, 1, 1], isAtRoot: true)
            }
        })

    /// OpenCLIP's text tower with its projection, as SGM checkpoints hold it.
    static func openCLIPWithProjection(_ name: String, _ prefix: String) -> Slot {
        Slot(
            name, CLIPTextConfiguration.self, [Placement(prefix, Layouts.openCLIPText)],
            generated: { _ in
                // Readers that check files for completeness want it. CLIP's training ends at its bound, ln 100.
                [GeneratedTensor(name: "logit_scale", .floats([4.6051702]), dimensions: [])]
            },
            adapt: { found, _, _ in
                var text = found
                text.activation = .gelu
                return (text, [])
            })
    }

    /// The VAE beside a transformer that was published alone, as the tools write it that join them; some of them take over the prefix that it has
    /// in Stable Diffusion's files.
    static let joinedVAE = Slot(
        "vae", AutoencoderKLConfiguration.self,
        [Placement("vae.", Layouts.ldmVAE), Placement("first_stage_model.", Layouts.ldmVAE)],
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

extension CLIPTextConfiguration {
    /// A text encoder whose user takes the text before the projection; tools that save it from a whole CLIP leave the projection in the file.
    static let withoutProjection: @Sendable (CLIPTextConfiguration, TensorInventory, Placement) -> (CLIPTextConfiguration, [Companion]) = {
        found, _, _ in
        var text = found
        text.projectionWidth = nil
        guard found.projectionWidth != nil else { return (text, []) }
        return (text, [Companion("text_projection.weight", "CLIP's projection, which this model does not use")])
    }
}

extension GeneratedTensor {
    /// The numbers of a prompt's places, which the loaders of their day wanted to find in the file.
    static func positionNumbers(_ text: CLIPTextConfiguration) -> GeneratedTensor {
        GeneratedTensor(
            name: "text_model.embeddings.position_ids", .integers((0..<Int64(text.positions)).map { $0 }), dimensions: [1, text.positions])
    }
}
