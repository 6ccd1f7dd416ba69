public import IsomerBytes
public import IsomerTensors

/// Which tensors become blocks, or eight-bit floats with scales, and of which type.
public struct Quantization: Hashable, Sendable {
    /// The type of tensors that a pattern names.
    public struct Rule: Hashable, Sendable {
        /// The pattern as the user wrote it.
        public var text: String
        /// The type.
        public var scalarType: ScalarType

        public init(_ text: String, _ scalarType: ScalarType) {
            self.text = text
            self.scalarType = scalarType
        }
    }

    /// The type of all maps that bear it; `nil` if only rules count.
    public var scalarType: ScalarType?
    /// What the user says of single tensors. The first that matches a name decides.
    public var rules: [Rule]

    public init(_ scalarType: ScalarType?, rules: [Rule] = []) {
        self.scalarType = scalarType
        self.rules = rules
    }
}

extension Quantization {
    /// The type that a tensor gets.
    ///
    /// What stays as it is, unless a rule names it: norms, biases and everything else that is no matrix; embeddings; the first and last layers;
    /// autoencoders. Rows that are no multiple of 256 become the small blocks that llama.cpp puts in the place of large ones.
    // Reference: city96/ComfyUI-GGUF, tools/convert.py; leejet/stable-diffusion.cpp, model.cpp `tensor_should_be_converted`;
    // ggml-org/llama.cpp, src/llama-quant.cpp, for the types in place of large blocks.
    func target(of tensor: TensorDescriptor, from type: ScalarType) -> ScalarType {
        guard FileConversion.isCast(type) else { return tensor.scalarType }
        if let rule = rules.first(where: { NamePattern($0.text).matches(tensor.name) }) { return rule.scalarType }
        guard let wanted = scalarType, tensor.shape.rank == 2, let columns = tensor.shape.dimensions.last,
            tensor.shape.dimensions[0] > 1, !Self.staysWhole(tensor.name)
        else { return tensor.scalarType }
        if wanted.kind == .float { return tensor.name.hasSuffix(".weight") ? wanted : tensor.scalarType }
        if columns % wanted.group.elementCount == 0 { return wanted }
        let smaller: ScalarType = wanted == .q4K ? .q5_0 : .q8_0
        return columns % smaller.group.elementCount == 0 ? smaller : tensor.scalarType
    }

    /// Whether quantising a matrix of this name costs more quality than it saves space.
    static func staysWhole(_ name: String) -> Bool {
        let parts = name.split(separator: ".").map(String.init)
        if parts.contains(where: { part in embeddings.contains { part.contains($0) } || part.contains("norm") || part == "bias" }) {
            return true
        }
        var rest = parts[...]
        for prefix in [["model", "diffusion_model"], ["diffusion_model"], ["unet"], ["transformer"], ["control_model"]]
        where rest.starts(with: prefix) {
            rest = rest.dropFirst(prefix.count)
            break
        }
        if ends.contains(where: { rest.starts(with: $0) }) { return true }
        // The mapping of a whole text into the space of pictures is the encoder's last layer.
        return parts.contains { $0 == "text_projection" }
    }

    private static let embeddings = ["embed", "positional", "token_embd", "attn_rel_b", "relative_attention_bias"]

    /// How the first and last layers' names begin, and autoencoders'.
    private static let ends: [[String]] =
        [
            "img_in", "txt_in", "time_in", "vector_in", "guidance_in", "final_layer", "x_embedder", "y_embedder", "t_embedder",
            "context_embedder", "time_text_embed", "proj_out", "norm_out", "label_emb", "out", "conv_in", "conv_out", "shared",
            "init_x_linear", "cond_seq_linear", "time_step_proj", "modF", "final_linear",
            "input_hint_block", "zero_convs", "middle_block_out", "first_stage_model", "vae", "quant_conv", "post_quant_conv",
        ].map { [$0] } + [
            ["input_blocks", "0"], ["encoder", "mid"], ["decoder", "mid"], ["encoder", "mid_block"], ["decoder", "mid_block"],
        ]
}

extension ConversionPlan {
    /// Gives tensors the types that `quantization` says, and what the containers have no place for another.
    ///
    /// Throws `usage` if a rule matches nothing that can be cast, `unsupported` if a container cannot hold its type.
    public mutating func settleTypes(_ quantization: Quantization?, workers: Workers = Workers()) throws(IsomerError) {
        var scaled: [TensorPlace] = []
        var unused = Set(quantization?.rules.map(\.text) ?? [])
        var (made, kept, smaller) = (0, 0, 0)
        for file in files.indices {
            for index in files[file].tensors.indices {
                var tensor = files[file].tensors[index]
                let before = tensor.descriptor
                var type = before.scalarType
                if let quantization {
                    type = quantization.target(of: before, from: tensor.sourceType)
                    if FileConversion.isCast(tensor.sourceType),
                        let rule = quantization.rules.first(where: { NamePattern($0.text).matches(before.name) })
                    {
                        unused.remove(rule.text)
                    }
                    let isScaled = type.isScaledFloat && (type != tensor.sourceType || before.scalarType != type)
                    if type.kind == .block || isScaled { made += 1 } else { kept += 1 }
                    if isScaled { scaled.append(TensorPlace(file: file, tensor: index)) }
                    if type.kind == .block, let wanted = quantization.scalarType, type != wanted { smaller += 1 }
                }
                type = try held(type, of: &tensor, in: files[file].container, quantization)
                guard type != before.scalarType else { continue }
                do throws(IsomerError) {
                    tensor.descriptor = try TensorDescriptor(name: before.name, scalarType: type, shape: before.shape)
                } catch {
                    // Only a rule leads here: what `--dtype` says leaves alone what does not fit.
                    var error = error
                    error.remedy = error.remedy ?? "name fewer tensors in the rule, such as *.weight, or another type"
                    throw error
                }
                files[file].tensors[index] = tensor
            }
        }
        if let rule = unused.min() {
            throw IsomerError(
                .usage, "a rule matches no tensor of numbers that can be cast", item: rule,
                remedy: "see the names with `isomer inspect --tensors`")
        }
        try scaleFloats(scaled, workers: workers)
        guard let quantization, made > 0 || quantization.scalarType != nil else { return }
        notes.append(
            "\(made) tensors become \(scaled.isEmpty ? "blocks" : "8-bit floats with a scale") and \(kept) stay as they are: norms, biases, embeddings, convolutions, first and last layers, "
                + "autoencoders; --quantize-rule PATTERN=TYPE says otherwise")
        if smaller > 0 { notes.append("\(smaller) of them become other blocks, by a rule or because their rows are not whole blocks") }
    }

    /// The type that `container` holds what is to be of `type` in: another one where it has no place for it.
    private mutating func held(
        _ type: ScalarType, of tensor: inout PlannedTensor, in container: Container, _ quantization: Quantization?
    ) throws(IsomerError) -> ScalarType {
        switch container {
        case .gguf:
            guard quantization?.scalarType?.isScaledFloat != true else {
                throw IsomerError(
                    .unsupported, "GGUF has no 8-bit floats", found: quantization?.scalarType?.rawValue,
                    remedy: "choose q8_0, or a destination that ends in .safetensors")
            }
            // Exact: binary16 has every such number.
            if type.kind == .float, type.bitCount == 8, type != .f8e8m0 { return .f16 }
            // Exact too, and needed: gguf's own reader takes what is no number of its own for bytes in rows, and a single one has no row.
            guard type == .bf16, tensor.descriptor.shape.rank == 0 else { return type }
            tensor.widenConstants()
            return .f32
        case .safetensors, .torch:
            guard type.kind == .block else { return type }
            guard quantization == nil else {
                throw IsomerError(
                    .unsupported, "only GGUF files hold blocks", item: tensor.descriptor.name, found: type.rawValue,
                    remedy: "choose a destination that ends in .gguf")
            }
            let decision = Decision(
                "type of what was quantised", ScalarType.f16.rawValue, because: "the target has no blocks", flag: "--dtype TYPE")
            if !decisions.contains(decision) { decisions.append(decision) }
            return .f16
        }
    }

    /// Adds what readers of GGUF files want to know.
    public mutating func describeGGUF() {
        for index in files.indices {
            guard case .gguf(let keyValues) = files[index].container else { continue }
            let isSameData = files[index].tensors.allSatisfy { !$0.isCast }
            let tensors = files[index].tensors.map(\.descriptor)
            files[index].container = .gguf(GGUFDescription.completed(keyValues, of: tensors, isSameData: isSameData))
            let long = tensors.count { $0.name.utf8.count > 63 }
            if long > 0 {
                notes.append(
                    "\(long) names are longer than the 63 bytes that llama.cpp reads; stable-diffusion.cpp and ComfyUI read them")
            }
        }
    }
}

extension ScalarType {
    /// The types that weights are stored in with a scale for each tensor.
    var isScaledFloat: Bool { self == .f8e4m3 || self == .f8e5m2 }
}

extension PlannedTensor {
    /// Numbers that no source has, from bf16 to f32: the upper half of the same bits.
    fileprivate mutating func widenConstants() {
        var hasOthers = false
        pieces = pieces.map { piece in
            guard case .constant(let bytes) = piece else {
                hasOthers = true
                return piece
            }
            return .constant(stride(from: 0, to: bytes.count - 1, by: 2).flatMap { [0, 0, bytes[$0], bytes[$0 + 1]] })
        }
        if !hasOthers { sourceType = .f32 }
    }
}
