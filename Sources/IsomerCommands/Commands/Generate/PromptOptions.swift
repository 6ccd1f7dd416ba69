public import ArgumentParser
internal import IsomerBytes
public import IsomerGeneration

/// What is to be seen, and how strictly.
struct PromptOptions: ParsableArguments {
    @Option(name: [.customShort("p"), .long], help: ArgumentHelp("What is to be seen.", valueName: "text"))
    var prompt: String?

    @Option(
        name: [.customShort("n"), .customLong("negative"), .customLong("negative-prompt")],
        help: ArgumentHelp("The negative prompt: what is not to be seen.", valueName: "text"))
    var negative: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "weighted: (words:1.2), [words], BREAK and prompts of any length, as in A1111's web UI. plain: as it stands, cut at the window's "
                + "end, as in diffusers.",
            discussion: """
                Stable Diffusion XL, 3 and Flux also take one vector for the whole prompt from CLIP. weighted takes it at the end mark of the \
                prompt's first window, whatever follows. plain takes it where transformers does, which is at the end mark too, but for text \
                encoders whose config.json says eos_token_id 2: there it is at the largest token, which is a word of --embedding if the prompt \
                has one.
                """, valueName: "syntax"))
    var promptSyntax: GenerationRequest.PromptSyntax = .weighted

    @Option(help: ArgumentHelp("Read the text encoder's layer that is this far from the end; 1 is the last.", valueName: "count"))
    var clipSkip = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens that T5 reads, of Stable Diffusion 3 and Flux. If not said: 256; 512 with Flux.1 dev.", valueName: "count"))
    var textTokens: Int?

    @Option(
        name: [.customLong("cfg"), .customLong("guidance-scale")],
        parsing: .unconditional,
        help: ArgumentHelp(
            "How much more the prompt counts than the negative one; 1 asks for no negative pass. If not said: 7.5 with "
                + "Stable Diffusion 1 and 2, 5 with XL, 7 with 3, 3.5 with Flux.1 dev.",
            valueName: "scale"))
    var guidance: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Against colours that guidance makes too strong: how far the prediction is brought back to the unguided one's deviation, 0 to 1.",
            valueName: "share"))
    var guidanceRescale = 0.0

    @Option(help: ArgumentHelp("Guide only in this part of the steps: 0.1-0.8.", valueName: "from-to"))
    var guidanceInterval: IntervalArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("For models that follow instructions: how much the picture counts that they edit.", valueName: "scale"))
    var imageGuidanceScale = 1.5

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Add this adapter (LoRA and its kin), with this strength. May be repeated.", valueName: "path:strength"))
    var lora: [AddedFileArgument] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Teach the text encoder this word (textual inversion). May be repeated.", valueName: "path[=word]"))
    var embedding: [String] = []

    func apply(to request: inout GenerationRequest) {
        request.prompt = prompt ?? ""
        request.negativePrompt = negative
        request.syntax = promptSyntax
        request.clipSkip = clipSkip
        request.textTokens = textTokens
        request.guidanceScale = guidance
        request.guidanceRescale = guidanceRescale
        if let guidanceInterval { (request.guidanceStart, request.guidanceEnd) = (guidanceInterval.start, guidanceInterval.end) }
        request.imageGuidanceScale = imageGuidanceScale
        request.adapters = lora.map(\.file)
        request.embeddings = embedding.map { FilePath($0) }
    }
}

extension GenerationRequest.PromptSyntax: ExpressibleByArgument {}
extension GenerationRequest.Randomness: ExpressibleByArgument {}

/// `FILE:0.8`, `FILE=0.8` or `FILE`.
struct AddedFileArgument: Hashable, Sendable, ExpressibleByArgument {
    let file: GenerationRequest.AddedFile

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        if let mark = argument.lastIndex(where: { $0 == ":" || $0 == "=" }), mark != argument.startIndex,
            let strength = Double(argument[argument.index(after: mark)...]), strength.isFinite
        {
            file = GenerationRequest.AddedFile(FilePath(String(argument[..<mark])), strength: strength)
        } else {
            file = GenerationRequest.AddedFile(FilePath(argument))
        }
    }
}

/// `0.1-0.8`: a part of the steps.
struct IntervalArgument: Hashable, Sendable, ExpressibleByArgument {
    let start: Double
    let end: Double

    init?(argument: String) {
        let parts = argument.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = Double(parts[0]), let end = Double(parts[1]) else { return nil }
        (self.start, self.end) = (start, end)
    }
}
