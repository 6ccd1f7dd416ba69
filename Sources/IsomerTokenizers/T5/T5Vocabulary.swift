internal import CEmbedded
public import IsomerBytes

/// The vocabulary of every T5 encoder in Stable Diffusion 3, Flux, PixArt and their kin: 32,000 pieces, and 100 sentinels that only T5's
/// pre-training used.
///
/// It comes from the model in the binary, so that no file is needed.
public enum T5Vocabulary {
    /// The tokens there are, sentinels included. Text encoders have 28 more rows than that, which nothing uses.
    public static let count = 32_100
    /// The sentinels among them, `<extra_id_99>` with the lowest id to `<extra_id_0>` with the highest.
    public static let sentinelCount = 100
    /// `<pad>`.
    public static let padding: TokenID = 0
    /// `</s>`.
    public static let end: TokenID = 1
    /// The longest prompt of the published pipelines, end mark included.
    public static let window = 512

    /// The bytes of a `spiece.model`.
    public static func modelBytes() throws(IsomerError) -> [UInt8] {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_t5_vocabulary_bytes(), count: isomer_t5_vocabulary_count())
        return try Inflater.inflate(compressed, .gzip, size: .exactly(790_887))
    }
}

extension Tokenizer {
    /// T5's tokenizer out of the binary, as transformers' `T5TokenizerFast`.
    public static func t5() throws(IsomerError) -> Tokenizer {
        try Tokenizer(SentencePieceModel(T5Vocabulary.modelBytes()))
    }
}
