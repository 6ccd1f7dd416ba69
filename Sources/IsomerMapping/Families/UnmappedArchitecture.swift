public import IsomerArchitectures

/// A published architecture that is told by its names but whose layouts are not mapped.
public struct UnmappedArchitecture: Sendable {
    /// A short name: `wan`.
    public let identifier: String
    /// What people call it: "Wan".
    public let title: String
    /// Why no conversion maps it.
    public let reason: String
    /// Classes by which Diffusers' configuration files name it.
    public let classNames: [String]
    /// Names that tell it, one set for each naming it is published in.
    let signatures: [NetworkSignature]

    init(
        _ identifier: String, _ title: String, classNames: [String] = [], reason: String = "its layouts are not mapped yet",
        _ signatures: [[String]], absent: [String] = []
    ) {
        self.identifier = identifier
        self.title = title
        self.reason = reason
        self.classNames = classNames
        self.signatures = signatures.map { NetworkSignature(present: $0, absent: absent) }
    }
}

extension UnmappedArchitecture {
    /// Prefixes under which a single network stands in published files.
    private static let prefixes = ["", "model.diffusion_model.", "diffusion_model.", "control_model.", "model."]

    /// The architecture of which `inventory` has the names.
    public static func found(in inventory: TensorInventory) -> UnmappedArchitecture? {
        all.first { architecture in
            architecture.signatures.contains { signature in prefixes.contains { inventory.matches(signature, under: $0) } }
        }
    }

    /// The architecture whose class is called `className`.
    public static func named(class className: String) -> UnmappedArchitecture? {
        all.first { $0.classNames.contains(className) }
    }

    /// Every architecture that is only recognised. For each the original's names, then Diffusers'.
    /// Reference: diffusers 0.42.1, loaders/single_file_utils.py `CHECKPOINT_KEY_NAMES` and the state dicts of its models; ComfyUI,
    /// comfy/model_detection.py.
    public static let all: [UnmappedArchitecture] = [
        UnmappedArchitecture(
            "hunyuan-dit", "Hunyuan-DiT", classNames: ["HunyuanDiT2DModel"],
            [["text_embedding_padding", "blocks.0.attn1.Wqkv.weight"], ["text_embedding_padding", "blocks.0.attn1.to_q.weight"]]),
        UnmappedArchitecture(
            "z-image", "Z-Image", classNames: ["ZImageTransformer2DModel"],
            [
                ["cap_pad_token", "layers.0.adaLN_modulation.0.weight", "layers.0.attention.qkv.weight"],
                ["cap_pad_token", "all_x_embedder.2-1.weight", "layers.0.adaLN_modulation.0.weight"],
            ]),
        UnmappedArchitecture(
            "lumina2", "Lumina 2", classNames: ["Lumina2Transformer2DModel"],
            [
                ["cap_embedder.0.weight", "noise_refiner.0.attention.qkv.weight"],
                ["time_caption_embed.caption_embedder.0.weight", "noise_refiner.0.attn.to_q.weight"],
            ], absent: ["cap_pad_token"]),
        UnmappedArchitecture(
            "chroma", "Chroma", classNames: ["ChromaTransformer2DModel"], [["distilled_guidance_layer.in_proj.weight"]]),
        UnmappedArchitecture(
            "sana", "Sana", classNames: ["SanaTransformer2DModel"],
            [
                ["blocks.0.cross_attn.q_linear.weight", "blocks.0.cross_attn.kv_linear.weight", "attention_y_norm.weight"],
                ["patch_embed.proj.weight", "caption_norm.weight", "time_embed.emb.timestep_embedder.linear_1.weight"],
            ]),
        UnmappedArchitecture(
            "wan", "Wan", classNames: ["WanTransformer3DModel"],
            [
                ["head.modulation", "patch_embedding.weight", "time_projection.1.weight"],
                ["condition_embedder.time_embedder.linear_1.weight", "patch_embedding.weight", "blocks.0.scale_shift_table"],
            ]),
        UnmappedArchitecture(
            "ltx", "LTX-Video", classNames: ["LTXVideoTransformer3DModel"],
            [
                ["patchify_proj.weight", "transformer_blocks.0.scale_shift_table"],
                [
                    "proj_in.weight", "caption_projection.linear_1.weight", "time_embed.linear.weight",
                    "transformer_blocks.0.attn1.norm_q.weight",
                ],
            ]),
        UnmappedArchitecture(
            "qwen-image", "Qwen-Image", classNames: ["QwenImageTransformer2DModel"],
            [["transformer_blocks.0.img_mod.1.weight", "txt_norm.weight", "img_in.weight"]]),
        UnmappedArchitecture(
            "flux2", "Flux.2", classNames: ["Flux2Transformer2DModel"],
            [
                ["single_stream_modulation.lin.weight", "double_stream_modulation_img.lin.weight"],
                ["single_stream_modulation.linear.weight", "double_stream_modulation_img.linear.weight"],
            ]),
        UnmappedArchitecture(
            "hunyuan-video", "HunyuanVideo", classNames: ["HunyuanVideoTransformer3DModel"],
            [
                ["txt_in.individual_token_refiner.blocks.0.norm1.weight", "double_blocks.0.img_attn_qkv.weight"],
                ["context_embedder.token_refiner.refiner_blocks.0.norm1.weight", "transformer_blocks.0.attn.to_q.weight"],
            ]),
        UnmappedArchitecture(
            "stable-cascade", "Stable Cascade", classNames: ["StableCascadeUNet"],
            [["clf.1.weight", "clip_txt_pooled_mapper.weight"], ["clf.1.weight", "clip_mapper.weight"]]),
        UnmappedArchitecture(
            "stable-video", "Stable Video Diffusion", classNames: ["UNetSpatioTemporalConditionModel"],
            [["input_blocks.1.0.time_stack.in_layers.0.weight"], ["down_blocks.0.resnets.0.temporal_res_block.conv1.weight"]]),
        UnmappedArchitecture(
            "animatediff", "AnimateDiff's motion modules", classNames: ["MotionAdapter", "UNetMotionModel"],
            [
                ["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"],
                ["down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight"],
            ]),
        UnmappedArchitecture(
            "ip-adapter", "IP-Adapter", reason: "it holds attention that belongs to a base model and a picture encoder",
            [["ip_adapter.1.to_k_ip.weight"]]),
        UnmappedArchitecture(
            "esrgan", "ESRGAN upscaler", reason: "it makes pictures of pictures and is in one naming everywhere",
            [["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"], ["conv_first.weight", "body.0.rdb1.conv1.weight"]]),
        UnmappedArchitecture(
            "clip-vision", "CLIP's picture encoder", classNames: ["CLIPVisionModel", "CLIPVisionModelWithProjection"],
            reason: "it is in one naming everywhere",
            [["vision_model.embeddings.patch_embedding.weight", "vision_model.encoder.layers.0.self_attn.q_proj.weight"]],
            absent: ["text_model.embeddings.token_embedding.weight"]),
        UnmappedArchitecture(
            "difference-controlnet", "difference ControlNet",
            reason: "its numbers are differences from a base model, to which they would have to be added first",
            [["difference", "control_model.input_hint_block.0.weight"]]),
        UnmappedArchitecture(
            "mistoline", "MistoLine's ControlNet of Flux", reason: "its embedding of the picture is another network than all others'",
            [["controlnet_blocks.0.linear.weight"]]),
        UnmappedArchitecture(
            "control-lora", "Control-LoRA", reason: "it holds factors that belong to a base model", [["lora_controlnet"]]),
    ]
}
