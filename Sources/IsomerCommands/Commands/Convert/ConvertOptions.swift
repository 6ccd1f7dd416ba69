internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerTensors

/// The flags of `isomer convert`.
struct ConvertOptions: ParsableArguments {
    @OptionGroup
    var output: DestinationOptions

    @Option(
        help: ArgumentHelp(
            "How tensors are named in a file: keep, original or diffusers; for adapters also kohya, peft and others.",
            discussion: """
                original is what checkpoints of the model's family have; diffusers is for one component, or an adapter. Adapters: kohya, \
                kohya-diffusers, diffusers, diffusers-old, peft, peft-default, peft-base, bfl, xlabs, onetrainer, lycoris. Textual \
                inversions: a1111, diffusers, emb-params, sdxl; a name that ends in .png makes a picture that holds one.
                """, valueName: "layout"))
    var layout: NameLayout?

    @Option(
        help: ArgumentHelp(
            "The type of floating tensors in the output. Integers stay integers.",
            discussion: """
                Blocks (q8_0, q4_k, …) are for GGUF files; 8-bit floats get a scale for each tensor, as ComfyUI reads them. Of both, norms, \
                biases, embeddings, convolutions, first and last layers stay as they are.
                """,
            valueName: "type"))
    var dtype: TargetType?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "The type of the tensors that a pattern names, before --dtype; * stands for anything. May be repeated.",
            valueName: "pattern=type"),
        transform: QuantizeRuleArgument.init(parsing:))
    var quantizeRule: [QuantizeRuleArgument] = []

    @Option(help: ArgumentHelp("Cut weights into shards of at most this size, with an index: 5GB, 500MB.", valueName: "size"))
    var maxShardSize: ByteSize?

    @Option(parsing: .singleValue, help: ArgumentHelp("Metadata to write beside the tensors. May be repeated.", valueName: "key=value"))
    var metadata: [MetadataArgument] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Build a textual inversion into the model. May be repeated.",
            discussion: "Its file, and behind an equals sign what is to stand for it in prompts, if not what the file says.",
            valueName: "file=word"))
    var embedding: [EmbeddingArgument] = []

    @Option(help: ArgumentHelp("Write the textual inversion of a word that was added to the model.", valueName: "word"))
    var extractEmbedding: String?

    @Flag(
        help: ArgumentHelp(
            "Mend what tools are known to break.",
            discussion: """
                Position numbers that became floats, a missing text_model. in names, a missing logit_scale, a text_projection stored the wrong \
                way round. NaN and infinities are reported. Reads every tensor once more.
                """))
    var repair = false

    @Option(
        help: ArgumentHelp(
            "How to check the output before it gets its name: header, which is usual, full or forward.",
            discussion: """
                header: names, types, shapes and metadata are read back. full: so is every byte, and compared with the source. forward: as \
                header, and once it is written source and output are both run on the same inputs, and what they compute is compared.
                """,
            valueName: "level"))
    var verify: VerificationLevel?

    @Flag(help: "Do not check the output.")
    var noVerify = false

    @Flag(help: "Write PyTorch files as versions before 1.6 did.")
    var legacy = false

    func validate() throws {
        if verify != nil, noVerify { throw ValidationError("--verify and --no-verify exclude each other.") }
    }

    /// Whether nothing is asked for that only weights have.
    var areForAnything: Bool {
        output.to == nil && layout == nil && dtype == nil && maxShardSize == nil && metadata.isEmpty && embedding.isEmpty
            && extractEmbedding == nil && quantizeRule.isEmpty && !repair && !legacy
    }

    var verification: Verification {
        if noVerify { return .none }
        return verify == .full ? .full : .header
    }

    /// Puts into `request` what the flags say of the output's tensors, files and metadata.
    func apply(to request: inout ConversionRequest) {
        request.scalarType = floatType
        request.repairs = repair
        request.shardBytes = maxShardSize?.bytes
        for entry in metadata { request.metadata[entry.key] = entry.value }
    }

    /// The type that every floating tensor is cast to; `nil` if they stay, or if only some become blocks.
    var floatType: ScalarType? { dtype.flatMap { $0.isForSome ? nil : $0.scalarType } }

    /// What becomes blocks or scaled floats; `nil` if nothing was said of it.
    var quantization: Quantization? {
        let blocks = dtype.flatMap { $0.isForSome ? $0.scalarType : nil }
        guard blocks != nil || !quantizeRule.isEmpty else { return nil }
        return Quantization(blocks, rules: quantizeRule.map(\.rule))
    }

    /// What to write at `destination`.
    func target(for destination: PathArgument) throws(IsomerError) -> ConversionTarget {
        try output.target(for: destination, legacy: legacy)
    }
}

/// `FILE` or `FILE=WORD` on the command line.
struct EmbeddingArgument: Hashable, Sendable, ExpressibleByArgument {
    private let text: String

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        text = argument
    }

    /// The file, opened. What stands behind the last equals sign is the word, unless a file has the whole as its name.
    func word() throws(IsomerError) -> AddedWord {
        if try FileSystem.kind(of: FilePath(text)) == nil, let equals = text.lastIndex(of: "="), equals != text.startIndex {
            let word = String(text[text.index(after: equals)...])
            guard !word.isEmpty else { throw IsomerError(.usage, "the word behind the equals sign is empty", found: text) }
            return AddedWord(try TextualInversion(FilePath(String(text[..<equals]))), token: word)
        }
        return AddedWord(try TextualInversion(FilePath(text)))
    }

    static var defaultCompletionKind: CompletionKind { .file() }
}

/// What `--layout` knows.
enum NameLayout: String, CaseIterable, ExpressibleByArgument {
    case keep, original, diffusers
    // Of adapters.
    case kohya
    case kohyaDiffusers = "kohya-diffusers"
    case diffusersOld = "diffusers-old"
    case peft
    case peftDefault = "peft-default"
    case peftBase = "peft-base"
    case bfl, xlabs, onetrainer, lycoris
    // Of textual inversions.
    case a1111
    case embParams = "emb-params"
    case sdxl
}

/// What `--dtype` knows, under the names that safetensors, PyTorch and diffusers use.
enum FloatType: String, CaseIterable, ExpressibleByArgument {
    case f32, f16, bf16

    init?(argument: String) {
        switch argument.lowercased() {
        case "f32", "fp32", "float32", "float": self = .f32
        case "f16", "fp16", "float16", "half": self = .f16
        case "bf16", "bfloat16": self = .bf16
        default: return nil
        }
    }

    var scalarType: ScalarType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        }
    }
}

/// What `--verify` knows.
enum VerificationLevel: String, CaseIterable, ExpressibleByArgument {
    case header, full, forward
}
