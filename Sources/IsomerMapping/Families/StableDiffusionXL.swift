import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// Stable Diffusion XL: two text encoders side by side, CLIP ViT-L's and OpenCLIP ViT-bigG's, and a UNet that is also told sizes.
    static let stableDiffusionXL = ModelFamily(
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
            var evidence = [Evidence("there is a UNet", components["unet"] is UNetConfiguration)]
            guard let unet = components["unet"] as? UNetConfiguration else { return evidence }
            evidence.append(Evidence("the UNet has a size input", unet.classEmbedding == .none && unet.additionWidth != nil))
            let widths = ["text_encoder", "text_encoder_2"].compactMap { (components[$0] as? CLIPTextConfiguration)?.width }
            if widths.count == 2 {
                evidence.append(
                    Evidence(
                        "the UNet attends to texts as wide as both encoders' together", unet.crossAttentionWidth == widths[0] + widths[1]))
            } else {
                let width = (components["text_encoder_2"] as? CLIPTextConfiguration)?.width ?? 1280
                evidence.append(Evidence("the UNet attends to more than the larger encoder's text", unet.crossAttentionWidth != width))
            }
            return evidence
        })

    /// The second stage of Stable Diffusion XL: only the larger text encoder, a UNet of four resolutions.
    static let stableDiffusionXLRefiner = ModelFamily(
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
        evidence: { components in
            var evidence = [Evidence("there is a UNet", components["unet"] is UNetConfiguration)]
            guard let unet = components["unet"] as? UNetConfiguration else { return evidence }
            evidence.append(Evidence("the UNet has a size input", unet.classEmbedding == .none && unet.additionWidth != nil))
            let width = (components["text_encoder_2"] as? CLIPTextConfiguration)?.width ?? 1280
            evidence.append(Evidence("the UNet attends to the larger encoder's text alone", unet.crossAttentionWidth == width))
            return evidence
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

extension Companion {
    /// What SGM's conditioner leaves beside its encoders.
    static let conditioner: [Companion] = [
        Companion("conditioner.embedders.{i}.model.logit_scale", "CLIP's contrast temperature, which only its training uses"),
        Companion("conditioner.embedders.{i}.logit_scale", "CLIP's contrast temperature, which only its training uses"),
    ]
}

extension Slot {
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
}

extension UNetConfiguration {
    /// Three resolutions, depths after each layer.
    static func stableDiffusionXL(
        channels: Int = 4, down: [[Int?]] = [[nil, nil], [2, 2], [10, 10]], middle: Middle = .attention(depth: 10),
        up: [[Int?]] = [[10, 10, 10], [2, 2, 2], [nil, nil, nil]]
    ) -> UNetConfiguration {
        let widths = [320, 640, 1280]
        var unet = UNetConfiguration(
            inputChannels: channels, outputChannels: 4, down: zip(widths, down).map { Block(channels: $0, depths: $1) }, middle: middle,
            up: zip(widths.reversed(), up).map { Block(channels: $0, depths: $1) }, crossAttentionWidth: 2048, usesLinearProjection: true,
            additionWidth: 2816)
        unet.headCounts = [5, 10, 20]
        unet.setUsual()
        return unet
    }

    /// Four resolutions, wider.
    static let stableDiffusionXLRefiner: UNetConfiguration = {
        let widths = [384, 768, 1536, 1536]
        var unet = UNetConfiguration(
            inputChannels: 4, outputChannels: 4,
            down: zip(widths, [nil, 4, 4, nil]).map { Block(channels: $0, layers: 2, depth: $1) }, middle: .attention(depth: 4),
            up: zip(widths.reversed(), [nil, 4, 4, nil]).map { Block(channels: $0, layers: 3, depth: $1) }, crossAttentionWidth: 1280,
            usesLinearProjection: true, additionWidth: 2560)
        unet.headCounts = [6, 12, 24, 24]
        unet.setUsual()
        return unet
    }()

    private mutating func setUsual() {
        sampleSize = 128
        additionTimeWidth = 256
        normGroups = 32
        upcastsAttention = false
    }
}

extension AutoencoderKLConfiguration {
    /// The same network as Stable Diffusion 1's, trained anew: its latents have another scale.
    static let stableDiffusionXL: AutoencoderKLConfiguration = {
        var vae = AutoencoderKLConfiguration.stableDiffusion(sampleSize: 1024)
        vae.scalingFactor = 0.13025
        return vae
    }()
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

    /// OpenAI's ViT-L/14.
    static let vitL: CLIPTextConfiguration = {
        var text = CLIPTextConfiguration(vocabularySize: 49_408, positions: 77, width: 768, feedForwardWidth: 3_072, layers: 12)
        text.headCount = 12
        text.activation = .quickGELU
        text.declaredProjectionWidth = 768
        return text
    }()

    /// OpenCLIP's ViT-bigG/14.
    static let bigG: CLIPTextConfiguration = {
        var text = CLIPTextConfiguration(
            vocabularySize: 49_408, positions: 77, width: 1280, feedForwardWidth: 5_120, layers: 32, projectionWidth: 1280)
        text.headCount = 20
        text.activation = .gelu
        return text
    }()
}
