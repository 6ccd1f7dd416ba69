import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// A kind of network that is published alone.
    static func alone<Configuration: NetworkConfiguration>(
        _ identifier: String, _ title: String, slot name: String, _ network: Configuration.Type, placements: [Placement],
        members: [(identifier: String, title: String, configuration: Configuration, specifications: [String])],
        companions: [Companion] = [],
        asksForMember: Bool = false, written: @escaping @Sendable (Configuration, Placement?) -> Placement? = { _, _ in nil },
        adapt: @escaping @Sendable (Configuration, TensorInventory, Placement) -> (Configuration, [Companion]) = { found, _, _ in
            (found, [])
        }
    ) -> ModelFamily {
        ModelFamily(
            identifier: identifier, title: title, slots: [Slot(name, network, placements, alone: written, adapt: adapt)],
            members: members.map {
                ModelMember($0.identifier, $0.title, pipeline: "", components: [name: $0.configuration], specifications: $0.specifications)
            },
            companions: companions, asksForMember: asksForMember,
            evidence: { [Evidence("there is a \(Configuration.title)", $0[name] is Configuration)] })
    }

    /// Autoencoders alone. Those of Stable Diffusion and SDXL, and those of SD3 and Flux, have the same shapes: what they are scaled by must be
    /// said.
    public static let vae = alone(
        "vae", "VAE", slot: "vae", AutoencoderKLConfiguration.self,
        placements: ["", "first_stage_model.", "vae."].map { Placement($0, Layouts.ldmVAE) }
            + Placement.alone(AutoencoderKLConfiguration.self).dropFirst(),
        members: [
            (
                "vae-sd", "Stable Diffusion 1 and 2's VAE", .stableDiffusion(sampleSize: 512),
                ["stable-diffusion-v1", "stable-diffusion-v2"]
            ),
            ("vae-sdxl", "SDXL's VAE", .stableDiffusionXL, ["stable-diffusion-xl"]),
            ("vae-sd3", "Stable Diffusion 3's VAE", .stableDiffusion3, ["stable-diffusion-v3"]),
            ("vae-flux", "Flux's VAE", .flux, ["flux"]),
        ],
        companions: [Companion("loss.{*}", "parameters of the training loss")] + Companion.ldmTraining, asksForMember: true)

    /// Tiny autoencoders.
    public static let tinyVAE = alone(
        "taesd", "Tiny VAE", slot: "vae", AutoencoderTinyConfiguration.self, placements: Placement.alone(AutoencoderTinyConfiguration.self),
        members: [("taesd", "TAESD or TAESDXL", .taesd, [])])

    /// CLIP's text encoders alone.
    public static let clip = alone(
        "clip", "CLIP text encoder", slot: "text_encoder", CLIPTextConfiguration.self,
        placements: Placement.alone(CLIPTextConfiguration.self)
            + ["text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer.", "clip_l.", "clip_g."].map {
                Placement($0, Layouts.clipText)
            },
        members: [
            ("clip-l", "CLIP ViT-L/14", .vitL, []),
            ("openclip-h", "OpenCLIP ViT-H/14", .vitH, []),
            ("openclip-bigg", "OpenCLIP ViT-bigG/14", .bigG, []),
            ("long-clip-l", "LongCLIP ViT-L/14", .longVitL, []),
            ("clip-l-projected", "CLIP ViT-L/14 with projection", .projectedVitL, []),
        ],
        companions: [Companion("logit_scale", "CLIP's contrast temperature, which only its training uses")],
        // OpenCLIP's own files have OpenCLIP's names, OpenAI's are used in transformers'.
        written: { text, found in
            switch text.activation {
            case .gelu?: Placement("", Layouts.openCLIPText)
            case .quickGELU?: Placement("", text.positions > CLIPTextConfiguration.vitL.positions ? Layouts.longCLIPText : Layouts.clipText)
            case nil: found.map { Placement("", $0.layout) }
            }
        },
        // LongCLIP is OpenAI's model with more positions, whose code counts a head for every 64 numbers.
        adapt: { text, _, placement in
            guard placement.layout.name == Layouts.longCLIPText.name else { return (text, []) }
            var text = text
            text.activation = .quickGELU
            if text.width % 64 == 0 { text.headCount = text.width / 64 }
            return (text, [])
        })

    /// T5's encoders alone.
    public static let t5 = alone(
        "t5", "T5 encoder", slot: "text_encoder", T5EncoderConfiguration.self,
        placements: [Placement("", Layouts.t5)] + Placement.alone(T5EncoderConfiguration.self).filter { $0.layout.name != Layouts.t5.name }
            + ["text_encoders.t5xxl.transformer.", "t5xxl."].map { Placement($0, Layouts.t5) },
        members: [
            ("t5-v1_1-xxl", "T5 1.1 XXL", .xxl, []),
            (
                "t5-large", "T5 large",
                T5EncoderConfiguration(
                    vocabularySize: 32_128, width: 1024, headCount: 16, headWidth: 64, feedForwardWidth: 4_096, layers: 24, isGated: false),
                []
            ),
        ],
        companions: [
            Companion("spiece_model", "the tokenizer's vocabulary, as ComfyUI keeps it"),
            Companion("scaled_fp8", "a marker: weights are 8-bit floats with a scale"),
        ])
}
