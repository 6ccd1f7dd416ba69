public import IsomerBytes
import IsomerTensors

extension SD3TransformerConfiguration {
    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard layers > 0, dualAttentionLayers.allSatisfy({ $0 < layers }) else {
            throw IsomerError(.malformed, "the transformer needs blocks, and second attentions only in blocks that it has")
        }
        var builder = ManifestBuilder()
        try builder.parameter("pos_embed.pos_embed", [1, positionsSide * positionsSide, width])
        try builder.convolution("pos_embed.proj", input: inputChannels, output: width, kernel: patchSize)
        try builder.timeTextEmbedding(width: width, pooledWidth: pooledWidth)
        try builder.linear("context_embedder", input: contextWidth, output: width)
        let dual = Set(dualAttentionLayers)
        for i in 0..<layers {
            try builder.scope("transformer_blocks.\(i)") { builder throws(IsomerError) in
                try builder.jointBlock(
                    width: width, normalizedHeadWidth: normalizedHeadWidth, hasSecondAttention: dual.contains(i), isLast: i + 1 == layers)
            }
        }
        try builder.linear("norm_out.linear", input: width, output: 2 * width)
        try builder.linear("proj_out", input: width, output: patchSize * patchSize * outputChannels)
        return builder.manifest
    }

    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let patch = try inventory.required("pos_embed.proj.weight", axis: 2)
        let outputs = try inventory.required("proj_out.weight", axis: 0)
        guard patch <= 64, outputs % (patch * patch) == 0 else {
            throw IsomerError.indivisible("output width", outputs, by: patch <= 64 ? patch * patch : patch).about("proj_out.weight")
        }
        // The table of positions may have lost its first extent of 1 on the way through a format that has none.
        let table = inventory.shape(of: "pos_embed.pos_embed")?.dimensions ?? []
        guard table.count >= 2, let side = Self.squareRoot(table[table.count - 2]) else {
            throw IsomerError(
                .malformed, "the table of positions is missing or not square", item: "pos_embed.pos_embed",
                found: inventory.shape(of: "pos_embed.pos_embed")?.description)
        }
        let layers = inventory.count(under: "transformer_blocks")
        self.init(
            inputChannels: try inventory.required("pos_embed.proj.weight", axis: 1), outputChannels: outputs / (patch * patch),
            patchSize: patch, width: try inventory.required("context_embedder.weight", axis: 0), layers: layers,
            dualAttentionLayers: (0..<layers).filter { inventory.has("transformer_blocks.\($0).attn2.to_q.weight") },
            contextWidth: try inventory.required("context_embedder.weight", axis: 1),
            pooledWidth: try inventory.required("time_text_embed.text_embedder.linear_1.weight", axis: 1), positionsSide: side,
            normalizedHeadWidth: inventory.extent(of: "transformer_blocks.0.attn.norm_q.weight", axis: 0))
    }

    /// The whole root of a square below 2⁴⁸.
    static func squareRoot(_ number: Int) -> Int? {
        guard (1..<1 << 48).contains(number) else { return nil }
        let root = Int(Double(number).squareRoot().rounded())
        return root * root == number ? root : nil
    }
}

extension ManifestBuilder {
    /// A block in which picture (`norm1`, `attn.to_*`, `ff`) and text (`norm1_context`, `attn.add_*`, `ff_context`) attend to each other.
    mutating func jointBlock(
        width: Int, normalizedHeadWidth: Int?, hasSecondAttention: Bool = false, isLast: Bool = false
    ) throws(IsomerError) {
        // Shift, scale and gate before attention and before the feed-forward, and before the second attention if there is one.
        try linear("norm1.linear", input: width, output: (hasSecondAttention ? 9 : 6) * width)
        try linear("norm1_context.linear", input: width, output: (isLast ? 2 : 6) * width)
        try scope("attn") { builder throws(IsomerError) in
            try builder.normalizedPicture(width, normalizedHeadWidth)
            for name in ["add_k_proj", "add_v_proj", "add_q_proj"] { try builder.linear(name, input: width, output: width) }
            try builder.linear("to_out.0", input: width, output: width)
            if !isLast { try builder.linear("to_add_out", input: width, output: width) }
            if let normalizedHeadWidth {
                try builder.rootMeanSquareNorm("norm_added_q", normalizedHeadWidth)
                try builder.rootMeanSquareNorm("norm_added_k", normalizedHeadWidth)
            }
        }
        if hasSecondAttention { try pictureAttention("attn2", width, normalizedHeadWidth) }
        try feedForward("ff", width: width)
        if !isLast { try feedForward("ff_context", width: width) }
    }

    /// Attention of the picture to itself.
    mutating func pictureAttention(_ name: String, _ width: Int, _ normalizedHeadWidth: Int?) throws(IsomerError) {
        try scope(name) { builder throws(IsomerError) in
            try builder.normalizedPicture(width, normalizedHeadWidth)
            try builder.linear("to_out.0", input: width, output: width)
        }
    }

    private mutating func normalizedPicture(_ width: Int, _ normalizedHeadWidth: Int?) throws(IsomerError) {
        if let normalizedHeadWidth {
            try rootMeanSquareNorm("norm_q", normalizedHeadWidth)
            try rootMeanSquareNorm("norm_k", normalizedHeadWidth)
        }
        for name in ["to_q", "to_k", "to_v"] { try linear(name, input: width, output: width) }
    }
}
