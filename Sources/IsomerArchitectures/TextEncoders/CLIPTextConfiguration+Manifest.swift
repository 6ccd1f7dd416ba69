public import IsomerBytes

extension CLIPTextConfiguration {
    /// Every tensor of the network, in the order of transformers' state dictionary, in the classic naming with `text_model.`.
    public func manifest() throws(IsomerError) -> Manifest {
        var builder = ManifestBuilder()
        try builder.scope("text_model") { builder throws(IsomerError) in
            try builder.embedding("embeddings.token_embedding", count: vocabularySize, width: width)
            try builder.embedding("embeddings.position_embedding", count: positions, width: width)
            for i in 0..<layers {
                try builder.scope("encoder.layers.\(i)") { builder throws(IsomerError) in
                    for name in ["k_proj", "v_proj", "q_proj", "out_proj"] {
                        try builder.linear("self_attn." + name, input: width, output: width)
                    }
                    try builder.norm("layer_norm1", width)
                    try builder.linear("mlp.fc1", input: width, output: feedForwardWidth)
                    try builder.linear("mlp.fc2", input: feedForwardWidth, output: width)
                    try builder.norm("layer_norm2", width)
                }
            }
            try builder.norm("final_layer_norm", width)
        }
        if let projectionWidth {
            try builder.linear("text_projection", input: width, output: projectionWidth, hasBias: false)
        }
        return builder.manifest
    }

    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let tokens = "text_model.embeddings.token_embedding.weight"
        self.init(
            vocabularySize: try inventory.required(tokens, axis: 0),
            positions: try inventory.required("text_model.embeddings.position_embedding.weight", axis: 0),
            width: try inventory.required(tokens, axis: 1),
            feedForwardWidth: try inventory.required("text_model.encoder.layers.0.mlp.fc1.weight", axis: 0),
            layers: inventory.count(under: "text_model.encoder.layers"),
            projectionWidth: inventory.extent(of: "text_projection.weight", axis: 0))
    }
}
