import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion 1.x: CLIP ViT-L's text encoder, a UNet with 1×1 convolutions around its transformers.
    public static let stableDiffusion1 = ModelFamily(
        identifier: "sd1",
        title: "Stable Diffusion 1.x",
        slots: [
            .ldmUNet(usesLinearProjection: false),
            .ldmVAE,
            Slot(
                "text_encoder", CLIPTextConfiguration.self,
                [
                    Placement("cond_stage_model.transformer.", Layouts.clipText),
                    // The oldest files, and those made from Diffusers folders by scripts that know only `text_model.`.
                    Placement("cond_stage_model.transformer.", Layouts.flatCLIPText),
                    Placement("", Layouts.clipText), Placement("", Layouts.flatCLIPText),
                ],
                generated: { text in
                    // The original's loader of its day wanted them.
                    [
                        .positionNumbers(text)
                    ]
                }, adapt: CLIPTextConfiguration.withoutProjection),
        ],
        members: [
            member("sd15", "Stable Diffusion 1.5", "StableDiffusionPipeline", channels: 4),
            member("sd15-inpaint", "Stable Diffusion 1.5 inpainting", "StableDiffusionInpaintPipeline", channels: 9, .ddim),
            member("lcm-dreamshaper-v7", "LCM Dreamshaper 7", "LatentConsistencyModelPipeline", channels: 4, .consistency, guidance: 256),
            member("ip2p", "InstructPix2Pix", "StableDiffusionInstructPix2PixPipeline", channels: 8),
        ],
        companions: Companion.ldmTraining,
        evidence: { components in
            Evidence.stableDiffusion(components, widths: (own: 768, other: 1024), isLinear: false) {
                Evidence("the text encoder is not OpenCLIP's", $0.activation != .gelu)
            }
        })

    private static func member(
        _ identifier: String, _ title: String, _ pipeline: String, channels: Int, _ scheduler: ScheduleSource = .pndm, guidance: Int? = nil
    ) -> ModelMember {
        var unet = UNetConfiguration.stableDiffusion(channels: channels, context: 768, linear: false)
        unet.guidanceWidth = guidance
        unet.headCounts = [8, 8, 8, 8]
        unet.sampleSize = 64
        return ModelMember(
            identifier, title, pipeline: pipeline,
            components: [
                "unet": unet, "vae": AutoencoderKLConfiguration.stableDiffusion(sampleSize: 512),
                "text_encoder": CLIPTextConfiguration.vitL,
            ],
            scheduler: scheduler.configuration(nil), prediction: .epsilon,
            tokenizers: [MemberTokenizer("tokenizer", for: "text_encoder", .clip(padding: "<|endoftext|>"))],
            indexEntries: .withoutSafetyChecker)
    }
}

/// The sampling schedule that a published folder names.
enum ScheduleSource {
    case pndm, ddim
    /// Latent consistency models'.
    case consistency

    /// The published `scheduler_config.json`. `timestep_spacing` is not in it: what readers assume without it is part of how the model looks.
    func configuration(_ prediction: Prediction?) -> JSONObject {
        var object: JSONObject = [
            "_class_name": self == .pndm ? "PNDMScheduler" : "DDIMScheduler",
            "_diffusers_version": "0.6.0",
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "clip_sample": false,
            "num_train_timesteps": 1000,
            "set_alpha_to_one": false,
            "skip_prk_steps": true,
            "steps_offset": 1,
            "trained_betas": .null,
        ]
        if self == .consistency {
            object["_class_name"] = "LCMScheduler"
            object["_diffusers_version"] = "0.22.0.dev0"
            object["skip_prk_steps"] = nil
            let own: JSONObject = [
                "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "original_inference_steps": 50,
                "prediction_type": "epsilon", "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "set_alpha_to_one": true,
                "thresholding": false, "timestep_scaling": 10.0, "timestep_spacing": "leading",
            ]
            for (key, value) in own { object[key] = value }
        }
        if let prediction { object["prediction_type"] = .string(prediction.rawValue) }
        return object
    }
}

extension JSONObject {
    /// What the index of a model without safety checker says of it.
    static let withoutSafetyChecker: JSONObject = [
        "feature_extractor": [.null, .null], "requires_safety_checker": false, "safety_checker": [.null, .null],
    ]
}
