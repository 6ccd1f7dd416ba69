import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion 2.x: OpenCLIP ViT-H's text encoder without its last layer, a UNet with linear maps around its transformers.
    public static let stableDiffusion2 = ModelFamily(
        identifier: "sd2",
        title: "Stable Diffusion 2.x",
        slots: [
            .ldmUNet(usesLinearProjection: true),
            .ldmVAE,
            Slot(
                "text_encoder", CLIPTextConfiguration.self,
                [
                    Placement("cond_stage_model.model.", Layouts.openCLIPText),
                    // Stability's own later code names it so when it loads these models.
                    Placement("conditioner.embedders.0.model.", Layouts.openCLIPText),
                    Placement("", Layouts.openCLIPText),
                ],
                adapt: withoutLastLayer),
        ],
        members: [
            member("sd21", "Stable Diffusion 2.1", "StableDiffusionPipeline", size: 96, .ddim, .velocity),
            member("sd20-base", "Stable Diffusion 2 base", "StableDiffusionPipeline", size: 64, .pndm, .epsilon),
            member(
                "sd2-inpaint", "Stable Diffusion 2 inpainting", "StableDiffusionInpaintPipeline", channels: 9, size: 64, .pndm, .epsilon),
            member("sd2-depth", "Stable Diffusion 2 depth", "StableDiffusionDepth2ImgPipeline", channels: 5, size: 32, .pndm, .epsilon),
        ],
        companions: Companion.ldmTraining + [
            Companion("depth_model.{*}", "the depth estimator, which no layout here maps"),
            Companion("embedder.{*}", "the picture encoder of unCLIP, which no layout here maps"),
            Companion("noise_augmentor.{*}", "the noise for unCLIP's picture embeddings, which a scheduler's configuration says"),
            Companion("low_scale_model.{*}", "the noise for the picture to be enlarged, which a scheduler's configuration says"),
        ],
        asksForPrediction: true,
        // It has no name of its own, since its parts have the same names as version 1's.
        ggufName: "sd1",
        evidence: { components in
            Evidence.stableDiffusion(components, widths: (own: 1024, other: 768), isLinear: true) {
                Evidence("the text encoder is OpenCLIP's", $0.activation != .quickGELU)
            }
        })

    private static func member(
        _ identifier: String, _ title: String, _ pipeline: String, channels: Int = 4, size: Int, _ scheduler: ScheduleSource,
        _ prediction: Prediction
    ) -> ModelMember {
        var unet = UNetConfiguration.stableDiffusion(channels: channels, context: 1024, linear: true)
        unet.headCounts = [5, 10, 20, 20]
        unet.sampleSize = size
        unet.upcastsAttention = prediction == .velocity
        var text = CLIPTextConfiguration(vocabularySize: 49_408, positions: 77, width: 1024, feedForwardWidth: 4_096, layers: 23)
        text.headCount = 16
        text.activation = .gelu
        text.declaredProjectionWidth = 512
        return ModelMember(
            identifier, title, pipeline: pipeline,
            components: ["unet": unet, "vae": AutoencoderKLConfiguration.stableDiffusion(sampleSize: 8 * size), "text_encoder": text],
            scheduler: scheduler.configuration(prediction), prediction: prediction,
            tokenizers: [MemberTokenizer("tokenizer", for: "text_encoder", .clip(padding: "!"))],
            indexEntries: pipeline == "StableDiffusionDepth2ImgPipeline" ? [:] : .withoutSafetyChecker)
    }

    /// The model runs OpenCLIP up to the layer before the last, so Diffusers keeps only those. A tower is whole, last layer included, if its
    /// projection is there, or if it is ViT-H's 24 layers; a pruned one has only the layers that run.
    @Sendable private static func withoutLastLayer(
        _ found: CLIPTextConfiguration, _ inventory: TensorInventory, _ placement: Placement
    ) -> (CLIPTextConfiguration, [Companion]) {
        guard placement.layout.name == Layouts.openCLIPText.name else { return (found, []) }
        var text = found
        text.activation = .gelu
        var companions: [Companion] = []
        if found.projectionWidth != nil || (found.width == 1024 && found.layers == 24) {
            text.layers -= 1
            companions.append(
                Companion("transformer.resblocks.\(text.layers).{*}", "OpenCLIP's last layer, which Stable Diffusion 2 does not run"))
        }
        if found.projectionWidth != nil {
            text.projectionWidth = nil
            for name in ["text_projection", "text_projection.weight"] {
                companions.append(Companion(name, "OpenCLIP's projection, which Stable Diffusion 2 does not use"))
            }
        }
        return (text, companions)
    }
}
