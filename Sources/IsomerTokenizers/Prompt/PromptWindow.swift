public import IsomerBytes

/// How a text encoder wants its prompts: how many positions, which marks around them, and what fills the rest.
public struct WindowShape: Hashable, Sendable {
    /// Positions, marks included.
    public var length: Int
    /// Put first, if anything is.
    public var beginning: TokenID?
    /// Put after the last token.
    public var end: TokenID
    /// Fills the positions after it.
    public var padding: TokenID

    public init(length: Int, beginning: TokenID?, end: TokenID, padding: TokenID) {
        self.length = length
        self.beginning = beginning
        self.end = end
        self.padding = padding
    }

    /// CLIP's 77 positions.
    public static func clip(_ padding: CLIPPadding) -> WindowShape {
        WindowShape(
            length: CLIPVocabulary.window, beginning: CLIPVocabulary.startOfText, end: CLIPVocabulary.endOfText,
            padding: padding == .endOfText ? CLIPVocabulary.endOfText : 0)
    }

    /// T5 as Stable Diffusion 3 (256, or 77 in diffusers) and Flux (512, or 256 for schnell) use it.
    public static func t5(length: Int) -> WindowShape {
        WindowShape(length: length, beginning: nil, end: 1, padding: 0)
    }

    /// Tokens that fit between the marks.
    public var room: Int { max(0, length - 1 - (beginning == nil ? 0 : 1)) }

    /// One window: the tokens that fit, with marks and padding; what does not fit is left out, as diffusers does.
    public func window(_ ids: [TokenID]) -> [TokenID] {
        let kept = [beginning].compactMap(\.self) + ids.prefix(room) + [end]
        return kept + repeatElement(padding, count: max(0, length - kept.count))
    }
}

/// One window of a long prompt with the weight of each position.
public struct PromptWindow: Hashable, Sendable {
    /// As many as the shape has positions.
    public let ids: [TokenID]
    /// 1 for marks and padding.
    public let weights: [Double]

    public init(ids: [TokenID], weights: [Double]) {
        self.ids = ids
        self.weights = weights
    }
}

/// Cuts prompts of any length into windows, as AUTOMATIC1111's web UI does.
///
/// Reference: AUTOMATIC1111/stable-diffusion-webui `modules/sd_hijack_clip.py` `tokenize_line`, 1.10.
public struct PromptWindows: Sendable {
    /// The windows' shape.
    public let shape: WindowShape
    /// A comma at most this many tokens before a window's end moves what follows it to the next window.
    public var commaBacktrack = 20
    /// The token of a comma.
    public var comma: TokenID?

    public init(shape: WindowShape, comma: TokenID? = nil) {
        self.shape = shape
        self.comma = comma
    }

    /// The windows of a prompt with attention weights and breaks; always at least one.
    ///
    /// - Parameters:
    ///   - placeholders: tokens that stand for several vectors and are never cut apart, by their first id.
    public func windows(
        _ prompt: String, tokenizer: Tokenizer, placeholders: [TokenID: Int] = [:]
    ) throws(IsomerError) -> [PromptWindow] {
        var windows: [PromptWindow] = []
        var ids: [TokenID] = []
        var weights: [Double] = []
        var lastComma: Int?
        func finish() {
            let padded = shape.window(ids)
            let lead = shape.beginning == nil ? 0 : 1
            let rest = padded.count - lead - weights.count
            windows.append(
                PromptWindow(
                    ids: padded, weights: Array(repeating: 1, count: lead) + weights + Array(repeating: 1, count: max(0, rest))))
            ids = []
            weights = []
            lastComma = nil
        }
        for part in PromptWeights.parse(prompt) {
            guard case .text(let text, let weight) = part else {
                finish()
                continue
            }
            let tokens = try tokenizer.encode(text, addsSpecials: false).ids
            var position = 0
            while position < tokens.count {
                let token = tokens[position]
                let count = min(max(1, placeholders[token] ?? 1), tokens.count - position, max(1, shape.room))
                if token == comma {
                    lastComma = ids.count
                } else if commaBacktrack > 0, ids.count == shape.room, let comma = lastComma, ids.count - comma <= commaBacktrack {
                    let moved = (ids[(comma + 1)...], weights[(comma + 1)...])
                    ids.removeLast(moved.0.count)
                    weights.removeLast(moved.1.count)
                    finish()
                    ids = Array(moved.0)
                    weights = Array(moved.1)
                }
                if ids.count + count > shape.room { finish() }
                ids += tokens[position..<position + count]
                weights += repeatElement(weight, count: count)
                position += count
            }
        }
        if !ids.isEmpty || windows.isEmpty { finish() }
        return windows
    }
}
