/// A tensor's name in an adapter, taken apart: which module, in whatever spelling, and what the tensor is to it.
public struct AdapterKey: Hashable, Sendable {
    /// The module's name as the file spells it: `lora_unet_mid_block_attentions_0_proj_in`.
    public let stem: String
    /// What the tensor is.
    public let role: AdapterRole
    /// How the role was spelled.
    public let dialect: AdapterDialect

    /// Takes `name` apart; `nil` if it does not end as any adapter's does.
    ///
    /// An `inputFactors` key, which ends in `.weight` like any other, is one only if its neighbours say so.
    public init?(_ name: String) {
        for (ending, role, dialect) in AdapterKey.endings where name.utf8.count > ending.utf8.count && name.hasSuffix(ending) {
            stem = String(name.utf8.dropLast(ending.utf8.count)) ?? ""
            self.role = role
            self.dialect = dialect
            return
        }
        // PEFT before it leaves out the adapter's name: `….lora_A.default.weight`.
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts.last == "weight", !parts[0].isEmpty else { return nil }
        let roles: [Substring: AdapterRole] = ["lora_A": .down, "lora_B": .up, "lora_magnitude_vector": .magnitude]
        if parts.count >= 4, let role = roles[parts[parts.count - 3]] {
            stem = parts[..<(parts.count - 3)].joined(separator: ".")
            self.role = role
            dialect = .peft(adapter: String(parts[parts.count - 2]))
            return
        }
        stem = parts.dropLast().joined(separator: ".")
        role = .inputFactors
        dialect = .kohya
    }

    /// Ending, role, dialect; longer ones before those that they end in.
    private static let endings: [(String, AdapterRole, AdapterDialect)] = {
        var endings: [(String, AdapterRole, AdapterDialect)] = []
        for dialect in [AdapterDialect.kohya, .peft(adapter: nil), .diffusersText, .processor, .diffusers, .xlabs] {
            for role in AdapterRole.allCases where role != .inputFactors {
                if let ending = dialect.ending(of: role) { endings.append((ending, role, dialect)) }
            }
        }
        endings.append((".lora_A", .down, .peft(adapter: nil)))
        endings.append((".lora_B", .up, .peft(adapter: nil)))
        endings.append((".lora_magnitude_vector.weight", .magnitude, .peft(adapter: nil)))
        // A linear map written without `.weight`, as LyCORIS' newer files have it.
        return endings.sorted { $0.0.utf8.count > $1.0.utf8.count }
    }()
}

/// How a tool spells what a tensor is to its module.
public enum AdapterDialect: Hashable, Sendable {
    /// `.lora_down.weight`; LyCORIS' kinds too.
    case kohya
    /// `.lora_A.weight`, or with the adapter's name, `.lora_A.default.weight`.
    case peft(adapter: String?)
    /// `.lora.down.weight`
    case diffusers
    /// `.lora_linear_layer.down.weight`
    case diffusersText
    /// `_lora.down.weight`, behind `processor.to_q`
    case processor
    /// `.down.weight`, behind `processor.qkv_lora1`
    case xlabs

    /// What a name ends in; `nil` if the dialect has no word for the role.
    public func ending(of role: AdapterRole) -> String? {
        switch self {
        case .kohya: return "." + role.rawValue
        case .peft(let adapter):
            let middle = adapter.map { "." + $0 } ?? ""
            switch role {
            case .down: return ".lora_A\(middle).weight"
            case .up: return ".lora_B\(middle).weight"
            case .upBias: return ".lora_B\(middle).bias"
            case .magnitude: return ".lora_magnitude_vector\(adapter == nil ? "" : middle + ".weight")"
            case .alpha: return adapter == nil ? ".alpha" : nil
            default: return nil
            }
        case .diffusers: return AdapterDialect.pair(role, ".lora")
        case .diffusersText: return AdapterDialect.pair(role, ".lora_linear_layer")
        case .processor: return AdapterDialect.pair(role, "_lora")
        case .xlabs:
            switch role {
            case .down: return ".down.weight"
            case .up: return ".up.weight"
            default: return nil
            }
        }
    }

    private static func pair(_ role: AdapterRole, _ name: String) -> String? {
        switch role {
        case .down: name + ".down.weight"
        case .up: name + ".up.weight"
        case .magnitude: ".lora_magnitude_vector"
        default: nil
        }
    }

    /// Whether files in this dialect hold `alpha` as tensors.
    public var hasAlphaTensors: Bool { self == .kohya }
}
