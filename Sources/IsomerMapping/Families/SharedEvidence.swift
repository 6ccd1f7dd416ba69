import IsomerArchitectures

// What tells families with the same kinds of networks apart.

extension Evidence {
    /// For and against Stable Diffusion 1 or 2, which differ in their text encoders and in what the UNet makes of these.
    ///
    /// - Parameters:
    ///   - widths: of the family's texts and of the other one's.
    ///   - isLinear: whether the maps around the UNet's transformers are linear, rather than 1×1 convolutions.
    ///   - judge: says whether it is the family's text encoder.
    static func stableDiffusion(
        _ components: ModelFamily.Components, widths: (own: Int, other: Int), isLinear: Bool, judge: (CLIPTextConfiguration) -> Evidence
    ) -> [Evidence] {
        var evidence = [Evidence("there is a UNet", components["unet"] is UNetConfiguration)]
        let unet = components["unet"] as? UNetConfiguration
        let text = components["text_encoder"] as? CLIPTextConfiguration
        if let unet {
            evidence.append(Evidence("the UNet has no size input", unet.additionWidth == nil))
            if components["text_encoder"] == nil {
                let isUsual = unet.crossAttentionWidth == widths.own
                let maps = isLinear ? "linear maps" : "1×1 convolutions"
                evidence.append(
                    Evidence(
                        isUsual ? "the UNet attends to texts of width \(widths.own)" : "the UNet has \(maps) around its transformers",
                        isUsual || (unet.usesLinearProjection == isLinear && unet.crossAttentionWidth != widths.other)))
            }
        }
        if let text { evidence.append(judge(text)) }
        if let unet, let text {
            evidence.append(Evidence("the UNet attends to texts as wide as the encoder's", unet.crossAttentionWidth == text.width))
        }
        return evidence
    }

    /// For and against Stable Diffusion XL or its refiner: a UNet that is told sizes, and what `judge` says of it.
    static func stableDiffusionXL(
        _ components: ModelFamily.Components, judge: (_ unet: UNetConfiguration, _ largerTextWidth: Int) -> Evidence
    ) -> [Evidence] {
        guard let unet = components["unet"] as? UNetConfiguration else { return [Evidence("there is a UNet", false)] }
        let width = (components["text_encoder_2"] as? CLIPTextConfiguration)?.width ?? CLIPTextConfiguration.bigG.width
        return [
            Evidence("there is a UNet", true),
            Evidence("the UNet has a size input", unet.classEmbedding == .none && unet.additionWidth != nil),
            judge(unet, width),
        ]
    }
}
