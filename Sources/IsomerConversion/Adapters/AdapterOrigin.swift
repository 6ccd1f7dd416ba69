import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

/// What an adapter had before it got other names, so that going back gives the very bytes: carried in the metadata.
struct AdapterOrigin {
    /// The naming it had first.
    var naming: String
    /// The type of its alphas.
    var alphaType: ScalarType?
    /// Metadata that only held in that naming: sums of bytes, PEFT's configuration.
    var metadata: JSONObject = [:]
    /// All its keys in order, if some were taken out.
    var order: [String] = []

    static let key = "isomer.origin"

    init(naming: String) {
        self.naming = naming
    }

    init?(_ metadata: FileMetadata) {
        guard let text = metadata[Self.key], case .object(let object)? = try? JSONValue(parsing: Array(text.utf8)),
            case .string(let naming)? = object["naming"]
        else { return nil }
        self.naming = naming
        if case .string(let type)? = object["alphaType"] { alphaType = ScalarType(rawValue: type) }
        if case .object(let kept)? = object["metadata"] { self.metadata = kept }
        if case .array(let keys)? = object["order"] {
            order = keys.compactMap { if case .string(let key) = $0 { key } else { nil } }
        }
    }

    private var text: String {
        var object: JSONObject = ["naming": .string(naming)]
        object["alphaType"] = alphaType.map { .string($0.rawValue) }
        if !metadata.isEmpty {
            object["metadata"] = .object(metadata)
            object["order"] = .array(order.map { .string($0) })
        }
        return JSONWriter(style: .compact).text(.object(object))
    }

    /// The metadata of `adapter` under another naming. `isSameData` tells whether every number is what it was.
    static func metadata(of adapter: Adapter, for conversion: AdapterConversion, isSameData: Bool) -> FileMetadata {
        var metadata = adapter.source.tensors.metadata
        let earlier = AdapterOrigin(metadata)
        metadata[key] = nil
        if let earlier, let first = AdapterNaming.named(earlier.naming), first.isSame(as: conversion.naming, for: adapter) {
            // Home again.
            metadata[PEFTConfigurations.metadataKey] = nil
            guard isSameData else { return metadata }
            for (key, value) in earlier.metadata {
                if case .string(let text) = value { metadata[key] = text }
            }
            var ordered: FileMetadata = [:]
            for key in earlier.order + metadata.keys where ordered[key] == nil { ordered[key] = metadata[key] }
            return ordered
        }
        if let naming = adapter.naming, naming.isSame(as: conversion.naming, for: adapter) {
            if earlier != nil { metadata[key] = adapter.source.tensors.metadata[key] }
            return metadata
        }
        var origin = earlier ?? adapter.naming.map { AdapterOrigin(naming: $0.identifier) }
        for name in FileConversion.hashKeys + [PEFTConfigurations.metadataKey] {
            guard let value = metadata[name] else { continue }
            if earlier == nil { origin?.metadata[name] = .string(value) }
            metadata[name] = nil
        }
        if earlier == nil { origin?.order = adapter.source.tensors.metadata.keys }
        if earlier == nil, let index = adapter.modules.lazy.compactMap({ $0.tensors[.alpha] }).first {
            origin?.alphaType = adapter.inventory.tensors[index].scalarType
        }
        metadata[key] = origin?.text
        return metadata
    }
}

extension AdapterNaming {
    /// Whether both call every module of `adapter` the same: some namings differ in some families only.
    func isSame(as other: AdapterNaming, for adapter: Adapter) -> Bool {
        self == other
            || adapter.modules.allSatisfy { module in
                guard let target = module.target, let first = target.modules.first else { return true }
                let mine = name(ofModule: first, slot: target.slot, in: adapter.base.aliases)
                return mine != nil && mine == other.name(ofModule: first, slot: target.slot, in: adapter.base.aliases)
            }
    }

    /// Whether alphas are tensors in it.
    var writesAlphaTensors: Bool { [.kohya, .kohyaDiffusers, .oneTrainer, .lycoris].contains(self) }
}

extension PEFTConfigurations {
    /// What diffusers reads as the adapter's configuration: for each component, keys of `LoraConfig`.
    ///
    /// Reference: huggingface/diffusers, src/diffusers/loaders/lora_base.py, 0.42.1.
    static func text(_ modules: [(slot: String, module: String, rank: Int, alpha: Double, hasMagnitude: Bool)]) -> String {
        var object = JSONObject()
        for slot in Set(modules.map(\.slot)).sorted() {
            let own = modules.filter { $0.slot == slot }
            // The most usual pair is said once, the others by name.
            var counts: [[Double]: Int] = [:]
            for module in own { counts[[Double(module.rank), module.alpha], default: 0] += 1 }
            guard let usual = counts.max(by: { ($0.value, $1.key[0]) < ($1.value, $0.key[0]) })?.key else { continue }
            var ranks = JSONObject()
            var alphas = JSONObject()
            for module in own {
                if Double(module.rank) != usual[0] { ranks[module.module] = .number(JSONNumber(module.rank)) }
                if module.alpha != usual[1] || Double(module.rank) != usual[0] { alphas[module.module] = number(module.alpha) }
            }
            object["\(slot).alpha_pattern"] = .object(alphas)
            object["\(slot).lora_alpha"] = number(usual[1])
            object["\(slot).r"] = .number(JSONNumber(Int(usual[0])))
            object["\(slot).rank_pattern"] = .object(ranks)
            object["\(slot).target_modules"] = .array(own.map(\.module).sorted().map { .string($0) })
            if own.contains(where: \.hasMagnitude) { object["\(slot).use_dora"] = true }
        }
        return JSONWriter(style: .pretty(indent: 2), sortsKeys: true, escapesNonASCII: true, numbers: .asPython).text(.object(object))
    }

    private static func number(_ value: Double) -> JSONValue {
        .number(value == value.rounded() && abs(value) < 1e15 ? JSONNumber(Int(value)) : JSONNumber(value))
    }
}
