import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Adapter {
    /// Every module's rank and alpha, wherever alpha is stated: a tensor, PEFT's configuration in the metadata or beside the file.
    static func scales(
        of reading: AdapterReading, _ tensors: any TensorSource, _ path: FilePath, _ inventory: TensorInventory, _ limits: Limits
    ) throws(IsomerError) -> [Scale] {
        let stated = try PEFTConfigurations(tensors.metadata, beside: path, limits)
        var scales: [Scale] = []
        scales.reserveCapacity(reading.modules.count)
        for module in reading.modules {
            var scale = Scale(rank: module.rank(in: inventory))
            if let index = module.tensors[.alpha] {
                do throws(IsomerError) {
                    scale.alpha = try tensors.number(of: index)
                } catch {
                    throw error.inFile(path)
                }
                scale.origin = "a tensor beside each module"
            } else if scale.rank != nil, let (configuration, origin) = stated.configuration(of: module) {
                scale.alpha = configuration.alpha(of: module)
                scale.isRankStabilized = configuration.isRankStabilized
                scale.origin = scale.alpha == nil ? nil : origin
            }
            if let alpha = scale.alpha, !alpha.isFinite {
                throw IsomerError(.malformed, "alpha is not a number", path: path, item: module.stem, found: "\(alpha)")
            }
            // LyCORIS does not scale a Kronecker product of two whole factors.
            if module.kind == .lokr, scale.rank == nil { scale.alpha = nil }
            scales.append(scale)
        }
        return scales
    }
}

/// What PEFT says of an adapter: `lora_adapter_metadata` in the file's metadata, or the `adapter_config.json` beside it.
struct PEFTConfigurations {
    /// One component's.
    struct Configuration {
        var rank: Double?
        var alpha: Double?
        var alphas: [(pattern: String, alpha: Double)] = []
        var isRankStabilized = false

        func alpha(of module: AdapterModule) -> Double? {
            let names = (module.target?.modules ?? []) + [module.stem]
            for (pattern, alpha) in alphas {
                let pattern = pattern.hasPrefix("^") ? String(pattern.dropFirst()) : pattern
                if names.contains(where: { $0 == pattern || $0.hasSuffix("." + pattern) }) { return alpha }
            }
            return alpha
        }
    }

    static let metadataKey = "lora_adapter_metadata"

    private var byComponent: [String: Configuration] = [:]
    private var origin = ""

    init(_ metadata: FileMetadata, beside path: FilePath, _ limits: Limits) throws(IsomerError) {
        if let text = metadata[Self.metadataKey] {
            origin = Self.metadataKey
            let json = try? JSONValue(parsing: Array(text.utf8), dialect: .python, limits: limits)
            guard case .object(let object)? = json else {
                throw IsomerError(.malformed, "the metadata entry \(Self.metadataKey) is not a JSON object", path: path)
            }
            var grouped: [String: JSONObject] = [:]
            for (key, value) in object {
                guard let dot = key.firstIndex(of: ".") else { continue }
                grouped[String(key[..<dot]), default: [:]][String(key[key.index(after: dot)...])] = value
            }
            for (component, entries) in grouped { byComponent[component] = Configuration(entries) }
            return
        }
        let neighbour = path.removingLastComponent().appending("adapter_config.json")
        guard try FileSystem.kind(of: neighbour) == .file else { return }
        origin = "adapter_config.json"
        byComponent[""] = Configuration(
            try JSONCursor(JSONValue(contentsOf: neighbour, dialect: .python, limits: limits), path: neighbour).object())
    }

    func configuration(of module: AdapterModule) -> (Configuration, String)? {
        guard let slot = module.target?.slot else { return nil }
        return (byComponent[slot] ?? byComponent[""]).map { ($0, origin) }
    }
}

extension PEFTConfigurations.Configuration {
    init(_ object: JSONObject) {
        rank = object["r"]?.double
        alpha = object["lora_alpha"]?.double
        isRankStabilized = object["use_rslora"] == .bool(true)
        if case .object(let patterns)? = object["alpha_pattern"] {
            alphas = patterns.compactMap { key, value in value.double.map { (key, $0) } }
        }
    }
}

extension JSONValue {
    /// The number, if it is one.
    var double: Double? {
        guard case .number(let number) = self else { return nil }
        return number.double
    }
}
