internal import CKernels
public import IsomerBytes

/// Which of the processor's instructions the numeric kernels use. All levels give the same bits but for sums of products, whose order differs.
public enum KernelLevel: Int, Hashable, Sendable, CaseIterable, Comparable {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    case baseline = 0
    /// AVX2, F16C, FMA and PCLMULQDQ on x86-64; the CRC-32 instructions on arm64.
    case avx2 = 1
    /// AVX-512 F, BW, DQ, VL and VPCLMULQDQ.
    case avx512 = 2
    /// The same and AVX512_BF16.
    case avx512bf16 = 3
    /// The same, AMX-TILE and AMX-BF16. Linux only.
    case amx = 4

    /// The best level that this machine has, or the one that the environment variable `ISOMER_KERNELS` (`baseline`, `avx2`, `avx512`,
    /// `avx512bf16`, `amx`) names, if that is lower. Looked up once.
    public static var current: KernelLevel { KernelLevel(rawValue: Int(isomer_level_current().rawValue)) ?? .baseline }

    /// The levels that this machine has, lowest first.
    public static var available: [KernelLevel] { allCases.filter { isomer_level_supported($0.native) } }

    /// What `ISOMER_KERNELS` says, if it is set.
    public static var wish: String? { isomer_level_wish().map { String(cString: $0) } }

    /// Throws `usage` if `wish` names no level that this machine has: the best one would be taken for it.
    public static func check(wish: String?) throws(IsomerError) {
        let names = available.map { "\($0)" }
        guard let wish, !names.contains(wish) else { return }
        throw IsomerError(
            .usage, "this machine has no such level of kernels", item: "ISOMER_KERNELS", expected: names.joined(separator: ", "),
            found: wish)
    }

    public static func < (left: KernelLevel, right: KernelLevel) -> Bool { left.rawValue < right.rawValue }

    var native: isomer_level {
        switch self {
        case .baseline: ISOMER_LEVEL_BASELINE
        case .avx2: ISOMER_LEVEL_AVX2
        case .avx512: ISOMER_LEVEL_AVX512
        case .avx512bf16: ISOMER_LEVEL_AVX512BF16
        case .amx: ISOMER_LEVEL_AMX
        }
    }
}
