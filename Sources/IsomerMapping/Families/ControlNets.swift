import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// ControlNets of Stable Diffusion 1, 2 and XL.
    public static let controlNet = alone(
        "controlnet", "ControlNet", slot: "controlnet", ControlNetConfiguration.self,
        placements: ["control_model.", ""].map { Placement($0, Layouts.ldmControlNet) } + [Placement("", Layouts.controlNet)],
        members: [
            ("controlnet-sd15", "ControlNet of Stable Diffusion 1", network(of: stableDiffusion1), []),
            ("controlnet-sd21", "ControlNet of Stable Diffusion 2", network(of: stableDiffusion2), []),
            ("controlnet-sdxl", "ControlNet of SDXL", network(of: stableDiffusionXL), []),
            ("controlnet-sdxl-union", "ControlNet union of SDXL", network(of: stableDiffusionXL, controlTypes: 6), []),
            ("controlnet-sdxl-promax", "ControlNet union ProMax of SDXL", network(of: stableDiffusionXL, controlTypes: 8), []),
        ],
        companions: Companion.ldmTraining,
        written: { network, _ in network.union == nil ? nil : Placement("", Layouts.controlNet) })

    /// The copy of the way down that the UNet of the family's first member has.
    private static func network(of family: ModelFamily, controlTypes: Int? = nil) -> ControlNetConfiguration {
        var encoder =
            family.members.first?.components["unet"] as? UNetConfiguration
            ?? .stableDiffusion(channels: 4, context: 768, linear: false)
        encoder.up = []
        encoder.sampleSize = nil
        encoder.upcastsAttention = false
        var network = ControlNetConfiguration(encoder: encoder, conditioningChannels: 3, conditioningWidths: [16, 32, 96, 256])
        if let controlTypes {
            network.union = ControlNetConfiguration.Union(
                controlTypes: controlTypes, width: 320, layers: 1, projectionWidth: 320, additionWidth: 256 * controlTypes)
            network.union?.headCount = 8
        }
        return network
    }
}

extension ModelFamily {
    /// ControlNets of Flux.
    public static let fluxControlNet = alone(
        "controlnet-flux", "ControlNet of Flux", slot: "controlnet", FluxControlNetConfiguration.self,
        placements: [Placement("", Layouts.fluxControlNet), Placement("", Layouts.xlabsControlNet)],
        members: [
            ("controlnet-flux", "ControlNet of Flux", fluxNetwork(doubleBlocks: 5, singleBlocks: 10), []),
            ("controlnet-flux-union", "ControlNet union of Flux", fluxNetwork(doubleBlocks: 5, singleBlocks: 10, modes: 10), []),
            (
                "controlnet-flux-xlabs", "XLabs' ControlNet of Flux",
                fluxNetwork(doubleBlocks: 2, singleBlocks: 0, pictureWidths: [16, 16, 16, 16]), []
            ),
        ],
        // Only networks that look at pixels were published in XLabs' names.
        written: { network, _ in network.pictureWidths == nil ? nil : Placement("", Layouts.xlabsControlNet) })

    /// ControlNets of Stable Diffusion 3 and 3.5.
    public static let sd3ControlNet = alone(
        "controlnet-sd3", "ControlNet of Stable Diffusion 3", slot: "controlnet", SD3ControlNetConfiguration.self,
        placements: [Placement("", Layouts.sd3ControlNet), Placement("", Layouts.stabilityControlNet)],
        members: [
            ("controlnet-sd3", "ControlNet of Stable Diffusion 3 medium", sd3Network(layers: 6, width: 1536, isJoint: true), []),
            ("controlnet-sd35-large", "ControlNet of Stable Diffusion 3.5 large", sd3Network(layers: 19, width: 2432, isJoint: false), []),
        ],
        companions: [Companion("control_type", "which kind of picture it was trained for")],
        // Those that look at no text are Stability AI's own.
        written: { network, _ in network.contextWidth == nil ? Placement("", Layouts.stabilityControlNet) : nil })

    /// T2I-Adapters of Stable Diffusion 1 and XL.
    public static let t2iAdapter = alone(
        "t2i-adapter", "T2I-Adapter", slot: "adapter", T2IAdapterConfiguration.self,
        placements: [Layouts.originalAdapter, Layouts.originalLightAdapter, Layouts.t2iAdapter].map { Placement("", $0) },
        members: [
            ("t2i-adapter-sd15", "T2I-Adapter of Stable Diffusion 1", adapter(3, 8, isForXL: false), []),
            ("t2i-adapter-sdxl", "T2I-Adapter of SDXL", adapter(3, 16, isForXL: true), []),
            ("t2i-adapter-sd15-light", "light T2I-Adapter of Stable Diffusion 1", adapter(3, 8, isForXL: false, lightLayers: 4), []),
        ],
        // Those of SDXL were published in Diffusers' names only.
        written: { network, _ in
            if network.isLight { return Placement("", Layouts.originalLightAdapter) }
            return network.isForXL == true ? Placement("", Layouts.t2iAdapter) : nil
        })

    private static func fluxNetwork(
        doubleBlocks: Int, singleBlocks: Int, modes: Int? = nil, pictureWidths: [Int]? = nil
    ) -> FluxControlNetConfiguration {
        var trunk = FluxTransformerConfiguration(
            inputWidth: 64, outputWidth: 64, width: 3072, headWidth: 128, doubleBlocks: doubleBlocks, singleBlocks: singleBlocks,
            contextWidth: 4096, pooledWidth: 768, hasGuidance: true)
        trunk.rotaryWidths = [16, 56, 56]
        return FluxControlNetConfiguration(trunk: trunk, modes: modes, pictureWidths: pictureWidths)
    }

    private static func sd3Network(layers: Int, width: Int, isJoint: Bool) -> SD3ControlNetConfiguration {
        SD3ControlNetConfiguration(
            inputChannels: 16, extraChannels: 0, patchSize: 2, width: width, layers: layers, contextWidth: isJoint ? 4096 : nil,
            pooledWidth: 2048, positionsSide: isJoint ? 192 : nil, headWidth: 64)
    }

    private static func adapter(_ channels: Int, _ side: Int, isForXL: Bool, lightLayers: Int? = nil) -> T2IAdapterConfiguration {
        var adapter = T2IAdapterConfiguration(
            foldedChannels: channels * side * side, channels: [320, 640, 1280, 1280], layers: lightLayers ?? 2, isLight: lightLayers != nil)
        adapter.foldedSide = side
        adapter.isForXL = isForXL
        return adapter
    }
}
