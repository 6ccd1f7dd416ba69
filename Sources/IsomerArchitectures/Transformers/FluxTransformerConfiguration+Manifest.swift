public import IsomerBytes

extension FluxTransformerConfiguration {
    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        var builder = ManifestBuilder()
        try builder.fluxTrunk(self)
        try builder.linear("norm_out.linear", input: width, output: 2 * width)
        try builder.linear("proj_out", input: width, output: outputWidth)
        return builder.manifest
    }

    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let double = inventory.count(under: "transformer_blocks")
        let head = double > 0 ? "transformer_blocks.0.attn.norm_q.weight" : "single_transformer_blocks.0.attn.norm_q.weight"
        // A ControlNet has no output of its own; some files lack the input, which is then reported as missing.
        let outputs = inventory.extent(of: "proj_out.weight", axis: 0)
        let inputs = inventory.extent(of: "x_embedder.weight", axis: 1) ?? outputs
        guard let inputs else {
            throw IsomerError(.malformed, "the tensor is missing", item: "x_embedder.weight")
        }
        self.init(
            inputWidth: inputs, outputWidth: outputs ?? inputs, width: try inventory.required("context_embedder.weight", axis: 0),
            headWidth: try inventory.required(head, axis: 0), doubleBlocks: double,
            singleBlocks: inventory.count(under: "single_transformer_blocks"),
            contextWidth: try inventory.required("context_embedder.weight", axis: 1),
            pooledWidth: try inventory.required("time_text_embed.text_embedder.linear_1.weight", axis: 1),
            hasGuidance: inventory.has("time_text_embed.guidance_embedder.linear_1.weight"))
    }
}

extension ManifestBuilder {
    /// Everything of a Flux transformer up to its last block, which a ControlNet shares.
    mutating func fluxTrunk(_ flux: FluxTransformerConfiguration) throws(IsomerError) {
        let width = flux.width
        try timeTextEmbedding(width: width, pooledWidth: flux.pooledWidth, hasGuidance: flux.hasGuidance)
        try linear("context_embedder", input: flux.contextWidth, output: width)
        try linear("x_embedder", input: flux.inputWidth, output: width)
        for i in 0..<flux.doubleBlocks {
            try scope("transformer_blocks.\(i)") { builder throws(IsomerError) in
                try builder.linear("norm1.linear", input: width, output: 6 * width)
                try builder.linear("norm1_context.linear", input: width, output: 6 * width)
                try builder.scope("attn") { builder throws(IsomerError) in
                    try builder.normalizedHeads("norm_q", "norm_k", flux.headWidth)
                    for name in ["to_q", "to_k", "to_v", "to_out.0"] { try builder.linear(name, input: width, output: width) }
                    try builder.normalizedHeads("norm_added_q", "norm_added_k", flux.headWidth)
                    for name in ["add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"] {
                        try builder.linear(name, input: width, output: width)
                    }
                }
                try builder.feedForward("ff", width: width)
                try builder.feedForward("ff_context", width: width)
            }
        }
        for i in 0..<flux.singleBlocks {
            try scope("single_transformer_blocks.\(i)") { builder throws(IsomerError) in
                try builder.linear("norm.linear", input: width, output: 3 * width)
                try builder.linear("proj_mlp", input: width, output: 4 * width)
                // What attention and what the feed-forward gave, side by side.
                try builder.linear("proj_out", input: 5 * width, output: width)
                try builder.scope("attn") { builder throws(IsomerError) in
                    try builder.normalizedHeads("norm_q", "norm_k", flux.headWidth)
                    for name in ["to_q", "to_k", "to_v"] { try builder.linear(name, input: width, output: width) }
                }
            }
        }
    }

    private mutating func normalizedHeads(_ query: String, _ key: String, _ width: Int) throws(IsomerError) {
        try rootMeanSquareNorm(query, width)
        try rootMeanSquareNorm(key, width)
    }
}
