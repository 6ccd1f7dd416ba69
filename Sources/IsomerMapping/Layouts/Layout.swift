public import IsomerArchitectures
public import IsomerBytes
import IsomerTensors

/// One naming of one kind of network: how to recognise it, its table of rules, and what may stand beside the network's own tensors.
public struct Layout: Sendable {
    /// What it is called in reports: "LDM", "OpenCLIP", "Diffusers".
    public let name: String
    /// The kind of network.
    public let network: any NetworkConfiguration.Type
    /// Names, in this layout, that tell it from all others.
    public let signature: NetworkSignature
    /// Tensors that files in this layout carry though the network does not have them.
    public let companions: [Companion]
    /// Tensors that stand twice, where other rows count of each.
    public let secondTables: [SecondTable]
    /// The files in which it is published, if they are several.
    public let parts: [LayoutPart]

    private let table: @Sendable (any NetworkConfiguration) throws(IsomerError) -> RuleTable
    private let tableFromNames: @Sendable (TensorInventory) throws(IsomerError) -> RuleTable

    /// A layout whose rules need a configuration's numbers, or, before there is one, what `fromNames` can read off the names in this layout.
    init<Configuration: NetworkConfiguration>(
        _ name: String, of network: Configuration.Type, signature: NetworkSignature, companions: [Companion] = [],
        secondTables: [SecondTable] = [], parts: [LayoutPart] = [],
        rules: @escaping @Sendable (Configuration) -> RuleList,
        fromNames: @escaping @Sendable (TensorInventory) -> RuleList
    ) {
        self.name = name
        self.network = network
        self.signature = signature
        self.companions = companions
        self.secondTables = secondTables
        self.parts = parts
        table = { configuration throws(IsomerError) in
            guard let typed = configuration as? Configuration else {
                throw IsomerError(
                    .mismatch, "the \(name) layout is for another kind of network", expected: Configuration.title,
                    found: type(of: configuration).title)
            }
            return RuleTable(rules(typed))
        }
        tableFromNames = { inventory throws(IsomerError) in RuleTable(fromNames(inventory)) }
    }

    /// A layout whose rules are the same for all networks of the kind.
    init<Configuration: NetworkConfiguration>(
        _ name: String, of network: Configuration.Type, signature: NetworkSignature, companions: [Companion] = [],
        secondTables: [SecondTable] = [], parts: [LayoutPart] = [], rules: RuleList
    ) {
        self.init(
            name, of: network, signature: signature, companions: companions, secondTables: secondTables, parts: parts,
            rules: { _ in rules }, fromNames: { _ in rules })
    }

    /// The canonical naming itself.
    static func canonical<Configuration: NetworkConfiguration>(
        _ network: Configuration.Type, _ name: String = "Diffusers", companions: [Companion] = []
    ) -> Layout {
        var list = RuleList()
        list.add("{*}", "{*}")
        return Layout(name, of: network, signature: network.signature, companions: companions, rules: list)
    }

    /// Every tensor of `configuration`'s network as this layout names and shapes it.
    ///
    /// With `provesInverse` the names are also followed back, which a writer owes and a reader does not need.
    public func expansion(of configuration: any NetworkConfiguration, provesInverse: Bool = true) throws(IsomerError) -> Expansion {
        // The manifest first: it refuses a configuration that no network has before a table is made for it.
        let manifest = try configuration.manifest()
        return try Expansion(table(configuration), manifest, provesInverse: provesInverse)
    }

    /// The configuration that the names and shapes of `inventory`, in this layout, tell.
    public func configuration(shapesOf inventory: TensorInventory) throws(IsomerError) -> any NetworkConfiguration {
        try network.init(shapesOf: canonicalInventory(of: inventory))
    }

    /// `inventory` renamed to the canonical naming, as far as rules can tell without a configuration. Joined tensors become parts of equal
    /// size: good enough to read widths from, since the parts that tell a width are equal.
    private func canonicalInventory(of inventory: TensorInventory) throws(IsomerError) -> TensorInventory {
        let table = try tableFromNames(inventory)
        return try inventory.renamed { tensor throws(IsomerError) in
            guard let link = try table.link(other: tensor.name) else { return [] }
            // What stands under the layout's own name as well is looked for there.
            if link.isAlternative, let own = try table.link(canonical: link.canonical[0])?.other, inventory.has(own) { return [] }
            let shape = link.transform.canonicalDimensions(tensor.shape.dimensions, parts: link.canonical.count)
            return link.canonical.map { ($0, shape) }
        }
    }
}

/// Tensors that stand beside a network without belonging to it.
public struct Companion: Sendable {
    /// What becomes of them when the target has no place for them.
    public enum Nature: Hashable, Sendable {
        /// Numbers that follow from the configuration: the original's are checked by the reader that needs them and made anew by a writer.
        case derivable
        /// Something the other layout has no place for, worth keeping for the way back.
        case extra
    }

    let pattern: PathPattern
    /// What they are: "position numbers".
    public let reason: String
    /// What becomes of them.
    public let nature: Nature

    init(_ pattern: String, _ reason: String, _ nature: Nature = .extra) {
        self.pattern = PathPattern(pattern)
        self.reason = reason
        self.nature = nature
    }
}

extension Transform {
    /// The extents of one canonical part of a tensor with extents `dimensions` in the other layout, as far as they can be told.
    func canonicalDimensions(_ dimensions: [Int], parts: Int) -> [Int] {
        switch self {
        case .identity, .swapHalves: return dimensions
        case .trailingUnitAxes(let count):
            var kept = dimensions
            for _ in 0..<count where kept.count > 2 && kept.last == 1 { kept.removeLast() }
            return kept
        case .leadingUnitAxis: return dimensions.first == 1 ? Array(dimensions.dropFirst()) : dimensions
        case .transpose: return dimensions.reversed()
        case .concatenate:
            guard let rows = dimensions.first else { return dimensions }
            return [rows / max(1, parts)] + dimensions.dropFirst()
        }
    }
}
