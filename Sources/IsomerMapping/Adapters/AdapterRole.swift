/// What one tensor of an adapter is to the module that it changes. The raw values are how kohya's and LyCORIS' files end.
public enum AdapterRole: String, Hashable, Sendable, CaseIterable {
    /// The first factor, from the module's input to the rank.
    case down = "lora_down.weight"
    /// The second factor, from the rank to the module's output.
    case up = "lora_up.weight"
    /// The kernel between the two: rank × rank × height × width.
    case middle = "lora_mid.weight"
    /// What the rank divides to give the scale.
    case alpha
    /// DoRA's lengths of the rows, or columns, of the changed weight.
    case magnitude = "dora_scale"
    /// A change of the bias.
    case upBias = "lora_up.bias"

    case hadamard1A = "hada_w1_a"
    case hadamard1B = "hada_w1_b"
    case hadamard2A = "hada_w2_a"
    case hadamard2B = "hada_w2_b"
    case hadamard1Kernel = "hada_t1"
    case hadamard2Kernel = "hada_t2"

    case kronecker1 = "lokr_w1"
    case kronecker1A = "lokr_w1_a"
    case kronecker1B = "lokr_w1_b"
    case kronecker2 = "lokr_w2"
    case kronecker2A = "lokr_w2_a"
    case kronecker2B = "lokr_w2_b"
    case kronecker2Kernel = "lokr_t2"

    /// The whole change of the weight.
    case difference = "diff"
    /// The whole change of the bias.
    case biasDifference = "diff_b"
    /// The change of a norm's weight.
    case normDifference = "w_norm"
    /// The change of a norm's bias.
    case normBiasDifference = "b_norm"
    /// A trained factor on the whole change.
    case scalar

    /// IA3's factors of the module's inputs or outputs.
    case inputFactors = "weight"
    case isOnInput = "on_input"
    case orthogonalBlocks = "oft_blocks"
    case orthogonalDiagonal = "oft_diag"
    case orthogonalRescale = "rescale"
    case gloraA1 = "a1.weight"
    case gloraA2 = "a2.weight"
    case gloraB1 = "b1.weight"
    case gloraB2 = "b2.weight"
    /// A new weight in place of the old one.
    case replacement = "set_weight"
    case newShape = "reshape_weight"
}

/// How an adapter changes one module.
public enum AdapterKind: String, Hashable, Sendable, CaseIterable {
    /// up · down.
    case lora = "LoRA"
    /// up · kernel · down, of a convolution.
    case tucker = "LoCon with lora_mid"
    /// (a₁·b₁) ⊙ (a₂·b₂).
    case loha = "LoHa"
    /// w₁ ⊗ w₂.
    case lokr = "LoKr"
    /// The change itself.
    case full = "full difference"
    /// The change of a norm.
    case norm = "norm difference"
    case ia3 = "IA3"
    case oft = "OFT"
    case glora = "GLoRA"
    case replacement = "replaced weight"

    /// The kind of a module with tensors of these roles; `nil` if they make up none.
    public init?(roles: some Collection<AdapterRole>) {
        let roles = Set(roles)
        switch true {
        case roles.contains(.isOnInput): self = .ia3
        case roles.contains(.orthogonalBlocks), roles.contains(.orthogonalDiagonal): self = .oft
        case roles.isSuperset(of: [.gloraA1, .gloraA2, .gloraB1, .gloraB2]): self = .glora
        case roles.contains(.replacement): self = .replacement
        case roles.isSuperset(of: [.hadamard1A, .hadamard1B, .hadamard2A, .hadamard2B]): self = .loha
        case roles.contains(.kronecker1) || roles.isSuperset(of: [.kronecker1A, .kronecker1B]):
            guard roles.contains(.kronecker2) || roles.isSuperset(of: [.kronecker2A, .kronecker2B]) else { return nil }
            self = .lokr
        case roles.isSuperset(of: [.down, .up]): self = roles.contains(.middle) ? .tucker : .lora
        case roles.contains(.normDifference), roles.contains(.normBiasDifference): self = .norm
        case roles.contains(.difference), roles.contains(.biasDifference): self = .full
        default: return nil
        }
    }

    /// Whether its change of a weight can be added to a model here.
    public var isMerged: Bool {
        switch self {
        case .lora, .tucker, .loha, .lokr, .full, .norm, .replacement: true
        case .ia3, .oft, .glora: false
        }
    }
}
