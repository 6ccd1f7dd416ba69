internal import CKernels

/// A function of one number.
public enum Activation: Hashable, Sendable, CaseIterable {
    case none
    /// x · sigmoid(x)
    case silu
    /// x · Φ(x), by erf
    case gelu
    /// The approximation of `gelu` by tanh
    case geluTanh
    /// x · sigmoid(1.702 x)
    case quickGELU
    case relu
    case tanh

    var kernel: isomer_activation {
        switch self {
        case .none: ISOMER_ACTIVATION_NONE
        case .silu: ISOMER_ACTIVATION_SILU
        case .gelu: ISOMER_ACTIVATION_GELU
        case .geluTanh: ISOMER_ACTIVATION_GELU_TANH
        case .quickGELU: ISOMER_ACTIVATION_QUICK_GELU
        case .relu: ISOMER_ACTIVATION_RELU
        case .tanh: ISOMER_ACTIVATION_TANH
        }
    }
}
