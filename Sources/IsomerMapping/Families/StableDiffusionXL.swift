import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion XL: two text encoders side by side, CLIP ViT-L's and OpenCLIP ViT-bigG's, and a UNet that is also told sizes.
    public static let stableDiffusionXL = ModelFamily(
        identifier: "sdxl",
        title: "Stable Diffusion XL",
        slots: [
            .ldmUNet(usesLinearProjection: true),
            .ldmVAE,
            Slot(
                "text_encoder", CLIPTextConfiguration.self,
                [
                    Placement("conditioner.embedders.0.transformer.", Layouts.clipText),
                    Placement("conditioner.embedders.0.transformer.", Layouts.flatCLIPText),
                ],
                generated: { [.positionNumbers($0)] }, adapt: CLIPTextConfiguration.withoutProjection),
            .openCLIPWithProjection("text_encoder_2", "conditioner.embedders.1.model."),
        ],
        members: [
            member("sdxl", "Stable Diffusion XL", unet: .stableDiffusionXL()),
            member("playground-v2.5", "Playground 2.5", unet: .stableDiffusionXL(), isPlayground: true),
            member(
                "sdxl-inpaint", "Stable Diffusion XL inpainting", pipeline: "StableDiffusionXLInpaintPipeline",
                unet: .stableDiffusionXL(channels: 9)),
            member(
                "sdxl-ip2p", "Stable Diffusion XL InstructPix2Pix", pipeline: "StableDiffusionXLInstructPix2PixPipeline",
                unet: .stableDiffusionXL(channels: 8)),
            member(
                "ssd-1b", "SSD-1B",
                unet: .stableDiffusionXL(
                    down: [[nil, nil], [2, 2], [4, 4]], middle: .residual, up: [[4, 4, 10], [2, 1, 1], [nil, nil, nil]])),
            member(
                "segmind-vega", "Segmind Vega",
                unet: .stableDiffusionXL(
                    down: [[nil, nil], [1, 1], [2, 2]], middle: .residual, up: [[2, 2, 2], [1, 1, 1], [nil, nil, nil]])),
            member(
                "koala-700m", "KOALA 700M",
                unet: .stableDiffusionXL(down: [[nil], [2], [5]], middle: .absent, up: [[5, 5], [2, 2], [nil, nil]])),
            member(
                "koala-1b", "KOALA 1B",
                unet: .stableDiffusionXL(down: [[nil], [2], [6]], middle: .attention(depth: 6), up: [[6, 6], [2, 2], [nil, nil]])),
        ],
        companions: Companion.ldmTraining + Companion.conditioner + [
            Companion("edm_mean", "the latents' mean, which the VAE's configuration says", .derivable),
            Companion("edm_std", "the latents' deviation, which the VAE's configuration says", .derivable),
        ],
        marksVelocity: true,
        evidence: { components in
            Evidence.stableDiffusionXL(components) { unet, largerTextWidth in
                let widths = ["text_encoder", "text_encoder_2"].compactMap { (components[$0] as? CLIPTextConfiguration)?.width }
                return widths.count == 2
                    ? Evidence(
                        "the UNet attends to texts as wide as both encoders' together", unet.crossAttentionWidth == widths[0] + widths[1])
                    : Evidence("the UNet attends to more than the larger encoder's text", unet.crossAttentionWidth != largerTextWidth)
            }
        })

    /// The second stage of Stable Diffusion XL: only the larger text encoder, a UNet of four resolutions.
    public static let stableDiffusionXLRefiner = ModelFamily(
        identifier: "sdxl-refiner",
        title: "Stable Diffusion XL refiner",
        slots: [
            .ldmUNet(usesLinearProjection: true),
            .ldmVAE,
            .openCLIPWithProjection("text_encoder_2", "conditioner.embedders.0.model."),
        ],
        members: [
            ModelMember(
                "sdxl-refiner", "Stable Diffusion XL refiner", pipeline: "StableDiffusionXLImg2ImgPipeline",
                components: [
                    "unet": UNetConfiguration.stableDiffusionXLRefiner, "vae": AutoencoderKLConfiguration.stableDiffusionXL,
                    "text_encoder_2": CLIPTextConfiguration.bigG,
                ],
                scheduler: eulerSchedule,
                tokenizers: [MemberTokenizer("tokenizer_2", for: "text_encoder_2", .clip(padding: "!"))],
                indexEntries: [
                    "force_zeros_for_empty_prompt": false, "requires_aesthetics_score": true, "text_encoder": [.null, .null],
                    "tokenizer": [.null, .null],
                ])
        ],
        companions: Companion.ldmTraining + Companion.conditioner,
        marksVelocity: true,
        ggufName: "sdxl",
        evidence: { components in
            Evidence.stableDiffusionXL(components) { unet, largerTextWidth in
                Evidence("the UNet attends to the larger encoder's text alone", unet.crossAttentionWidth == largerTextWidth)
            }
        })

    private static func member(
        _ identifier: String, _ title: String, pipeline: String = "StableDiffusionXLPipeline", unet: UNetConfiguration,
        isPlayground: Bool = false
    ) -> ModelMember {
        var vae = AutoencoderKLConfiguration.stableDiffusionXL
        if isPlayground {
            vae.scalingFactor = 0.5
            vae.latentsMean = [-1.6574, 1.886, -1.383, 2.5155]
            vae.latentsDeviation = [8.4927, 5.9022, 6.5498, 5.2299]
        }
        return ModelMember(
            identifier, title, pipeline: pipeline,
            components: [
                "unet": unet, "vae": vae, "text_encoder": CLIPTextConfiguration.vitL, "text_encoder_2": CLIPTextConfiguration.bigG,
            ],
            scheduler: isPlayground ? edmSchedule : eulerSchedule, prediction: isPlayground ? .edm : .epsilon,
            tokenizers: [
                MemberTokenizer("tokenizer", for: "text_encoder", .clip(padding: "<|endoftext|>")),
                MemberTokenizer("tokenizer_2", for: "text_encoder_2", .clip(padding: "!")),
            ],
            indexEntries: ["force_zeros_for_empty_prompt": true], markers: isPlayground ? ["edm_mean", "edm_std"] : [])
    }

    /// As Stable Diffusion XL's folders publish it.
    private static let eulerSchedule: JSONObject = [
        "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.19.0.dev0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "beta_start": 0.00085, "clip_sample": false, "interpolation_type": "linear", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "sample_max_value": 1.0, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
        "timestep_spacing": "leading", "trained_betas": .null, "use_karras_sigmas": false,
    ]

    /// As Playground 2.5's folder publishes it.
    private static let edmSchedule: JSONObject = [
        "_class_name": "EDMDPMSolverMultistepScheduler", "_diffusers_version": "0.27.0.dev0", "algorithm_type": "dpmsolver++",
        "dynamic_thresholding_ratio": 0.995, "euler_at_final": false, "final_sigmas_type": "zero", "lower_order_final": true,
        "num_train_timesteps": 1000, "prediction_type": "epsilon", "rho": 7.0, "sample_max_value": 1.0, "sigma_data": 0.5,
        "sigma_max": 80.0, "sigma_min": 0.002, "solver_order": 2, "solver_type": "midpoint", "thresholding": false,
    ]
}
