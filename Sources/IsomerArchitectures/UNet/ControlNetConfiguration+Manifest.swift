public import IsomerBytes
import IsomerTensors

extension ControlNetConfiguration {
    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard let first = encoder.down.first, let last = encoder.down.last else {
            throw IsomerError(.malformed, "a ControlNet needs at least one block")
        }
        var builder = ManifestBuilder()
        if let union { try builder.parameter("task_embedding", [union.controlTypes, union.width]) }
        try encoder.entrance(&builder)
        try builder.pictureEmbedding(
            "controlnet_cond_embedding", channels: conditioningChannels, widths: conditioningWidths, output: first.channels)
        if let union { try add(union, &builder) }
        let outputs = try encoder.wayDown(&builder)
        for (i, channels) in outputs.enumerated() {
            try builder.convolution("controlnet_down_blocks.\(i)", input: channels, output: channels, kernel: 1)
        }
        try builder.convolution("controlnet_mid_block", input: last.channels, output: last.channels, kernel: 1)
        try encoder.middleBlock(&builder)
        return builder.manifest
    }

    private func add(_ union: Union, _ builder: inout ManifestBuilder) throws(IsomerError) {
        let width = union.width
        for i in 0..<union.layers {
            // The misspelling is the peer's and every file's.
            try builder.scope("transformer_layes.\(i)") { builder throws(IsomerError) in
                try builder.parameter("attn.in_proj_weight", [3 * width, width])
                try builder.parameter("attn.in_proj_bias", [3 * width])
                try builder.linear("attn.out_proj", input: width, output: width)
                try builder.norm("ln_1", width)
                try builder.linear("mlp.c_fc", input: width, output: 4 * width)
                try builder.linear("mlp.c_proj", input: 4 * width, output: width)
                try builder.norm("ln_2", width)
            }
        }
        try builder.linear("spatial_ch_projs", input: width, output: union.projectionWidth)
        try builder.embedder("control_add_embedding", input: union.additionWidth, width: encoder.timeWidth)
    }

    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        var union: Union?
        if inventory.has("task_embedding") {
            union = Union(
                controlTypes: try inventory.required("task_embedding", axis: 0), width: try inventory.required("task_embedding", axis: 1),
                layers: inventory.count(under: "transformer_layes"),
                projectionWidth: try inventory.required("spatial_ch_projs.weight", axis: 0),
                additionWidth: try inventory.required("control_add_embedding.linear_1.weight", axis: 1))
        }
        let hint = "controlnet_cond_embedding"
        self.init(
            encoder: try UNetConfiguration(shapesOf: inventory, outputChannels: 4),
            conditioningChannels: try inventory.required(hint + ".conv_in.weight", axis: 1),
            conditioningWidths: try inventory.pictureEmbeddingWidths(hint), union: union)
    }
}

extension ManifestBuilder {
    /// Convolutions that bring a picture to the latent's resolution: Diffusers' `ControlNetConditioningEmbedding`.
    mutating func pictureEmbedding(_ name: String, channels: Int, widths: [Int], output: Int) throws(IsomerError) {
        guard let first = widths.first, let last = widths.last else {
            throw IsomerError(.malformed, "the picture's embedding needs at least one resolution", item: name)
        }
        try scope(name) { builder throws(IsomerError) in
            try builder.convolution("conv_in", input: channels, output: first, kernel: 3)
            for (i, (width, next)) in zip(widths, widths.dropFirst()).enumerated() {
                try builder.convolution("blocks.\(2 * i)", input: width, output: width, kernel: 3)
                try builder.convolution("blocks.\(2 * i + 1)", input: width, output: next, kernel: 3)
            }
            try builder.convolution("conv_out", input: last, output: output, kernel: 3)
        }
    }
}

extension TensorInventory {
    /// The channels at each resolution of the embedding called `name`.
    func pictureEmbeddingWidths(_ name: String) throws(IsomerError) -> [Int] {
        var widths = [try required(name + ".conv_in.weight", axis: 0)]
        for i in 0..<count(under: name + ".blocks") where i % 2 == 1 {
            widths.append(try required("\(name).blocks.\(i).weight", axis: 0))
        }
        return widths
    }
}
