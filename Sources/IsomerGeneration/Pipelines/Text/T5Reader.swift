import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerNetworks
import IsomerTokenizers

/// A T5 encoder with its tokenizer. Weights of words are for CLIP: brackets are read and left away here.
struct T5Reader {
    let slot: String
    let width: Int
    private let encoder: T5Encoder
    private let tokenizer: Tokenizer
    private let shape: WindowShape
    private let syntax: GenerationRequest.PromptSyntax

    init(_ slot: String, of model: GenerationModel, tokens: Int, _ options: TextOptions) throws(IsomerError) {
        let configuration: T5EncoderConfiguration = try model.configuration(slot)
        self.slot = slot
        width = configuration.width
        encoder = try T5Encoder(configuration)
        tokenizer = try model.tokenizer(of: slot).tokenizer
        shape = .t5(length: options.textTokens ?? tokens)
        syntax = options.syntax
    }

    /// `[tokens, width]` for each text.
    func features(of texts: [String], in session: ModelSession) throws(IsomerError) -> [Values] {
        var ids: [Int] = []
        for text in texts {
            let plain =
                syntax == .plain
                ? text
                : PromptWeights.parse(text).map { part in
                    if case .text(let text, _) = part { text } else { " " }
                }.joined()
            ids += shape.window(try tokenizer.encode(plain, addsSpecials: false).ids).map { Int($0) }
        }
        let stage = try session.stage(slot)
        defer { session.rest(slot) }
        return try stage.run { c, module throws(IsomerError) in [try encoder(c, module, ids: ids, images: texts.count)] }[0].unstacked()
    }
}
