import IsomerBytes

/// What a denoiser is told of one text.
struct TextFeatures {
    /// `[tokens, width]`.
    var context: Values
    /// One vector for all of it, `[width]`, where the denoiser wants one.
    var pooled: Values?
}

/// How a family of models reads texts. A new family is one type that conforms to this, and one denoiser.
protocol TextConditioner {
    /// The features of texts, all with equally many tokens. `nil` is a text that was not given at all.
    func features(of texts: [String?], in session: ModelSession) throws(IsomerError) -> [TextFeatures]
}

/// What of a request concerns texts.
struct TextOptions {
    var syntax = GenerationRequest.PromptSyntax.weighted
    var clipSkip = 1
    var textTokens: Int?

    init(_ request: GenerationRequest) {
        syntax = request.syntax
        clipSkip = request.clipSkip
        textTokens = request.textTokens
    }
}
