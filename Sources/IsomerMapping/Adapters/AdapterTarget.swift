import IsomerArchitectures
public import IsomerBytes
public import IsomerTensors

/// What a module name of an adapter means: one canonical module, or several that another layout joins.
public struct AdapterTarget: Hashable, Sendable {
    /// The component: `unet`.
    public let slot: String
    /// The canonical modules, in the order of their rows.
    public let modules: [String]
    /// How the module's weight lies in the layout that the name is of.
    public let transform: Transform
    /// The canonical shapes of the modules' weights.
    public let shapes: [Shape]

    /// The rows that each module's weight has.
    public var rows: [Int] { shapes.map { $0.dimensions.first ?? 1 } }

    /// Inputs of one row, kernel included: the product of all extents but the first.
    public var columns: Int { shapes.first.map { $0.elementCount / max(1, $0.dimensions.first ?? 1) } ?? 0 }
}

/// Every name that an adapter may call a module of one model by, made from that model's manifests: names are looked up, never taken apart.
public struct AdapterAliases: Sendable {
    /// The family.
    public let family: ModelFamily
    /// The components' configurations, by slot, in the form that Diffusers has.
    public let configurations: ModelFamily.Components
    private var components: [(slot: String, names: ComponentAliases)] = []

    /// Writes out every layout of every component.
    public init(_ family: ModelFamily, _ configurations: ModelFamily.Components) throws(IsomerError) {
        var known = KnownComponentAliases()
        try self.init(family, configurations, &known)
    }

    /// The same, with components that several models share written out once.
    init(_ family: ModelFamily, _ configurations: ModelFamily.Components, _ known: inout KnownComponentAliases) throws(IsomerError) {
        self.family = family
        self.configurations = configurations
        for slot in family.slots where slot.network != AutoencoderKLConfiguration.self {
            guard let configuration = configurations[slot.name] else { continue }
            components.append((slot.name, try known.aliases(slot.name, configuration)))
        }
    }

    /// What `stem` is a name of; `nil` if nothing in the model is called so.
    public func target(of stem: String) -> AdapterTarget? {
        var best: (length: Int, target: AdapterTarget)?
        for (slot, names) in components {
            for (prefix, spelling) in family.adapterPrefixes(of: slot) where stem.utf8.starts(with: prefix.utf8) {
                guard prefix.utf8.count > best?.length ?? -1, let rest = String(stem.utf8.dropFirst(prefix.utf8.count)),
                    let target = names.target(of: rest, spelling)
                else { continue }
                best = (prefix.utf8.count, target)
            }
        }
        return best?.target
    }

    /// The canonical module alone.
    public func target(slot: String, module: String) -> AdapterTarget? {
        components.first { $0.slot == slot }?.names.target(of: module, .dotted)
    }

    /// The tensor of `layout` that module `module` of `slot` is in, with the path by which the layout calls it.
    func item(slot: String, module: String, layout: AdapterLayout) -> (path: String, target: AdapterTarget)? {
        components.first { $0.slot == slot }?.names.items[layout]?[module]
    }

    /// The layout of `slot` that `family`'s checkpoints have.
    func originalLayout(of slot: String) -> AdapterLayout {
        let name = family.slot(slot)?.placements.first?.layout.name ?? ""
        return .named(name)
    }
}

/// Whose names an adapter's modules have.
enum AdapterLayout: Hashable, Sendable {
    case canonical
    /// A layout of the component: "LDM", "BFL".
    case named(String)
    case xlabs
    /// Diffusers' attention processors.
    case processor
}

/// How a path is written in a module's name.
enum AdapterSpelling: Hashable, Sendable {
    case dotted
    /// Dots become underscores, which cannot be undone by looking at the name.
    case underscored

    func written(_ path: String) -> String {
        self == .dotted ? path : String(path.map { $0 == "." ? "_" : $0 })
    }
}

/// Names that have been written out already.
struct KnownComponentAliases {
    private struct Key: Hashable {
        var slot: String
        var configuration: AnyHashable
    }

    private var known: [Key: ComponentAliases] = [:]

    mutating func aliases(_ slot: String, _ configuration: any NetworkConfiguration) throws(IsomerError) -> ComponentAliases {
        let key = Key(slot: slot, configuration: AnyHashable(configuration))
        if let found = known[key] { return found }
        let made = try ComponentAliases(slot, configuration)
        known[key] = made
        return made
    }
}

/// The names of one component's modules.
struct ComponentAliases: Sendable {
    private var dotted: [ExactString: AdapterTarget] = [:]
    private var underscored: [ExactString: AdapterTarget] = [:]
    /// For each layout, the name of each canonical module in it.
    private(set) var items: [AdapterLayout: [String: (path: String, target: AdapterTarget)]] = [:]
    /// Spellings that two modules share. There are none in any layout here, which tests hold them to.
    private(set) var ambiguous: Set<ExactString> = []

    init(_ slot: String, _ configuration: any NetworkConfiguration) throws(IsomerError) {
        let manifest = try configuration.manifest()
        for (number, layout) in Layouts.of(type(of: configuration)).enumerated() {
            let kind: AdapterLayout = number == 0 ? .canonical : .named(layout.name)
            for item in try layout.expansion(of: configuration, provesInverse: false).items {
                guard item.name.hasSuffix(".weight"), item.parts.allSatisfy({ $0.name.hasSuffix(".weight") }) else { continue }
                add(
                    kind, String(item.name.dropLast(7)),
                    AdapterTarget(
                        slot: slot, modules: item.parts.map { String($0.name.dropLast(7)) }, transform: item.transform,
                        shapes: item.parts.map(\.shape)))
            }
        }
        addProcessors()
        if configuration is FluxTransformerConfiguration { addXLabs(slot, manifest) }
    }

    private mutating func add(_ layout: AdapterLayout, _ path: String, _ target: AdapterTarget) {
        insert(path, target, into: \.dotted)
        insert(AdapterSpelling.underscored.written(path), target, into: \.underscored)
        for module in target.modules where items[layout]?[module] == nil { items[layout, default: [:]][module] = (path, target) }
    }

    private mutating func insert(_ name: String, _ target: AdapterTarget, into table: WritableKeyPath<Self, [ExactString: AdapterTarget]>) {
        let key = ExactString(name)
        if let earlier = self[keyPath: table][key] {
            if earlier.modules != target.modules || earlier.transform != target.transform { ambiguous.insert(key) }
        } else {
            self[keyPath: table][key] = target
        }
    }

    /// Diffusers once trained attention processors: `attn1.processor.to_q`, where `to_out.0` is `to_out`.
    private mutating func addProcessors() {
        for (module, item) in items[.canonical] ?? [:] {
            var path = module.split(separator: ".").map(String.init)
            if path.last == "0", path.dropLast().last == "to_out" { path.removeLast() }
            guard path.count >= 2, let last = path.last, ["to_q", "to_k", "to_v", "to_out"].contains(last),
                path[path.count - 2].hasPrefix("attn")
            else { continue }
            path.insert("processor", at: path.count - 1)
            add(.processor, path.joined(separator: "."), item.target)
        }
    }

    /// XLabs' processors of Flux: the maps of the picture's stream end in 1, of the text's in 2.
    /// Reference: XLabs-AI/x-flux, src/flux/modules/layers.py.
    private mutating func addXLabs(_ slot: String, _ manifest: Manifest) {
        func target(_ modules: [String]) -> AdapterTarget? {
            let shapes = modules.compactMap { manifest[$0 + ".weight"] }
            guard shapes.count == modules.count else { return nil }
            return AdapterTarget(
                slot: slot, modules: modules, transform: modules.count > 1 ? .concatenate : .identity, shapes: shapes)
        }
        var i = 0
        while let output = target(["transformer_blocks.\(i).attn.to_out.0"]) {
            let path = "double_blocks.\(i).processor."
            let canonical = "transformer_blocks.\(i).attn."
            add(.xlabs, path + "proj_lora1", output)
            if let found = target([canonical + "to_add_out"]) { add(.xlabs, path + "proj_lora2", found) }
            if let found = target(["to_q", "to_k", "to_v"].map { canonical + $0 }) { add(.xlabs, path + "qkv_lora1", found) }
            if let found = target(["add_q_proj", "add_k_proj", "add_v_proj"].map { canonical + $0 }) {
                add(.xlabs, path + "qkv_lora2", found)
            }
            i += 1
        }
        i = 0
        while let output = target(["single_transformer_blocks.\(i).proj_out"]) {
            let path = "single_blocks.\(i).processor."
            let canonical = "single_transformer_blocks.\(i).attn."
            add(.xlabs, path + "proj_lora", output)
            if let found = target(["to_q", "to_k", "to_v"].map { canonical + $0 }) { add(.xlabs, path + "qkv_lora", found) }
            i += 1
        }
        // The ending of an old attention processor takes `_lora` away.
        for (_, item) in items[.xlabs] ?? [:] where item.path.hasSuffix("_lora") {
            insert(String(item.path.dropLast(5)), item.target, into: \.dotted)
        }
    }

    func target(of name: String, _ spelling: AdapterSpelling) -> AdapterTarget? {
        let key = ExactString(name)
        guard !ambiguous.contains(key) else { return nil }
        return spelling == .dotted ? dotted[key] : underscored[key]
    }
}
