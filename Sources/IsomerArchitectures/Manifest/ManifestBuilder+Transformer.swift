import IsomerBytes

extension ManifestBuilder {
    /// A norm by the root of the mean square: `weight [width]`.
    mutating func rootMeanSquareNorm(_ name: String, _ width: Int) throws(IsomerError) {
        try parameter(name + ".weight", [width])
    }

    /// Two linear maps, Diffusers' `TimestepEmbedding`.
    mutating func embedder(_ name: String, input: Int, width: Int) throws(IsomerError) {
        try linear(name + ".linear_1", input: input, output: width)
        try linear(name + ".linear_2", input: width, output: width)
    }

    /// Time step, pooled text and, if the model was distilled for it, guidance: Diffusers' `CombinedTimestep(Guidance)TextProjEmbeddings`.
    mutating func timeTextEmbedding(width: Int, pooledWidth: Int, hasGuidance: Bool = false) throws(IsomerError) {
        // The time step is first spread over 256 sines and cosines.
        try embedder("time_text_embed.timestep_embedder", input: 256, width: width)
        if hasGuidance { try embedder("time_text_embed.guidance_embedder", input: 256, width: width) }
        try embedder("time_text_embed.text_embedder", input: pooledWidth, width: width)
    }

    /// Two linear maps with a function between them, four times as wide inside.
    mutating func feedForward(_ name: String, width: Int) throws(IsomerError) {
        try linear(name + ".net.0.proj", input: width, output: 4 * width)
        try linear(name + ".net.2", input: 4 * width, output: width)
    }
}

extension IsomerError {
    /// A width that does not divide as its network needs.
    static func indivisible(_ what: String, _ number: Int, by divisor: Int) -> IsomerError {
        IsomerError(.malformed, "the \(what) does not divide evenly", expected: "a multiple of \(divisor)", found: "\(number)")
    }
}
