import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerNetworks
import IsomerTokenizers

/// A CLIP text encoder with its tokenizer: prompts of any length, with weights, in windows.
struct CLIPReader {
    /// Which of its layers is read.
    enum Layer {
        /// The last of those that remain when `skip - 1` are left away, normalised: Stable Diffusion 1 and 2.
        case normalised(skip: Int)
        /// The one before that as it is: SDXL and Stable Diffusion 3.
        case penultimate(skip: Int)
    }

    let slot: String
    let width: Int
    private let encoder: CLIPTextEncoder
    private let tokenizer: Tokenizer
    private let shape: WindowShape
    private let syntax: GenerationRequest.PromptSyntax
    /// What stands for the whole text: the end mark, as in A1111's web UI. Where a text is taken as it stands, what transformers takes, which
    /// with most published configurations is the largest id: in a text with an added word that is the word.
    private let pooling: CLIPTextEncoder.Pooling
    /// Words that were added to the tokenizer, now or when the model was saved.
    private let words: Placeholders

    /// - Parameter unread: layers at the end that are never read.
    init(_ slot: String, of model: GenerationModel, _ options: TextOptions, unread: Int = 0) throws(IsomerError) {
        let configuration: CLIPTextConfiguration = try model.configuration(slot)
        let file = try model.tokenizer(of: slot)
        self.slot = slot
        encoder = try CLIPTextEncoder(configuration)
        tokenizer = file.tokenizer
        width = configuration.width
        guard let start = file.tokenizer.id(of: CLIPVocabulary.startMark), let end = file.tokenizer.id(of: CLIPVocabulary.endMark) else {
            throw IsomerError(.malformed, "the tokenizer lacks CLIP's marks", path: model.path, item: slot)
        }
        shape = WindowShape(length: configuration.positions, beginning: start, end: end, padding: file.padding ?? end)
        syntax = options.syntax
        pooling = options.syntax == .plain && model.poolsAtLargestID.contains(slot) ? .largestID : .first(id: Int(end))
        words = Placeholders(addedTo: file.tokenizer)
        guard options.clipSkip <= configuration.layers - unread else {
            throw IsomerError(
                .usage, "the text encoder has not so many layers", item: slot,
                expected: "a clip skip of at most \(configuration.layers - unread)",
                found: "\(options.clipSkip)")
        }
    }

    /// The windows of a text: one where it is taken as it stands.
    func windows(_ text: String) throws(IsomerError) -> [PromptWindow] {
        let text = words.expand(text)
        if syntax == .plain {
            let ids = shape.window(try tokenizer.encode(text, addsSpecials: false).ids)
            return [PromptWindow(ids: ids, weights: Array(repeating: 1, count: ids.count))]
        }
        // A comma ends a word; the token of one inside a word is another.
        let windows = PromptWindows(shape: shape, comma: tokenizer.id(of: "," + CLIPVocabulary.endOfWord))
        return try windows.windows(text, tokenizer: tokenizer, placeholders: words.counts)
    }

    /// Features of texts that have been cut into equally many windows each: `[tokens of all windows, width]`, and the vector of each text's
    /// first window, projected or not.
    func features(
        of texts: [[PromptWindow]], _ layer: Layer, isProjected: Bool, in session: ModelSession
    ) throws(IsomerError) -> [(context: Values, pooled: Values)] {
        let all = texts.flatMap(\.self)
        let stage = try session.stage(slot)
        defer { session.rest(slot) }
        let made = try stage.run { c, module throws(IsomerError) in
            let output = try encoder(
                c, module, ids: all.flatMap { $0.ids.map { Int($0) } }, images: all.count, pooling: pooling, keepsHiddenStates: true)
            let states = output.hiddenStates
            let context: Tensor
            switch layer {
            case .normalised(let skip) where skip <= 1: context = output.last
            case .normalised(let skip):
                context = try c.layerNorm(
                    states[max(0, states.count - skip)], module["text_model"]["final_layer_norm"],
                    epsilon: Float(encoder.configuration.normEpsilon))
            case .penultimate(let skip): context = states[max(0, states.count - 1 - skip)]
            }
            return [context, isProjected ? output.projected ?? output.pooled : output.pooled]
        }
        let contexts = zip(made[0].unstacked(), all).map { Self.weighted($0, $1.weights) }
        let pooled = made[1].unstacked()
        var first = 0
        return texts.map { windows in
            defer { first += windows.count }
            return (.joined(Array(contexts[first..<first + windows.count])), pooled[first])
        }
    }

    /// Multiplies each token's features by its weight and brings the mean back to what it was.
    ///
    /// Reference: AUTOMATIC1111 1.10, modules/sd_emphasis.py `EmphasisOriginal`.
    private static func weighted(_ features: Values, _ weights: [Double]) -> Values {
        guard features.isReal, weights.contains(where: { $0 != 1 }), let width = features.shape.last else { return features }
        func mean(_ numbers: [Float]) -> Double { numbers.reduce(0.0) { $0 + Double($1) } / Double(max(1, numbers.count)) }
        var result = features
        for (row, weight) in weights.enumerated() {
            for place in row * width..<(row + 1) * width { result.numbers[place] *= Float(weight) }
        }
        let (before, after) = (mean(features.numbers), mean(result.numbers))
        guard after != 0, (before / after).isFinite else { return result }
        let factor = Float(before / after)
        return result.mapped { $0 * factor }
    }

    /// Windows of several texts, equally many for each: short texts get empty ones.
    func evened(_ texts: [String], to count: Int = 1) throws(IsomerError) -> [[PromptWindow]] {
        var all: [[PromptWindow]] = []
        for text in texts { all.append(try windows(text)) }
        let most = max(count, all.map(\.count).max() ?? 1)
        let empty = PromptWindow(ids: shape.window([]), weights: Array(repeating: 1, count: shape.length))
        return all.map { $0 + Array(repeating: empty, count: most - $0.count) }
    }

    /// Each text's features by several encoders, in equally many windows, though an added word may be of more tokens for one of them.
    static func penultimate(
        _ readers: [CLIPReader], _ texts: [String], skip: Int, in session: ModelSession
    ) throws(IsomerError) -> [[(context: Values, pooled: Values)]] {
        var most = 1
        for reader in readers { most = max(most, try reader.evened(texts).first?.count ?? 1) }
        var parts: [[(context: Values, pooled: Values)]] = []
        for reader in readers {
            parts.append(
                try reader.features(of: reader.evened(texts, to: most), .penultimate(skip: skip), isProjected: true, in: session))
        }
        return parts
    }
}
