public import IsomerArchitectures
public import IsomerBytes

/// How an adapter's names and shapes fit one model.
public struct AdapterBase: Sendable {
    /// The names that the model's modules have.
    public let aliases: AdapterAliases
    /// The model: "Stable Diffusion XL".
    public let title: String
    /// The adapter with its names looked up.
    public let reading: AdapterReading
    /// How many modules have a name that the model knows.
    public let named: Int
    /// How many of those fit in shape.
    public let fitting: Int

    /// Looks up `reading` in a model of `family`.
    public init(
        _ reading: AdapterReading, _ inventory: TensorInventory, _ family: ModelFamily, _ configurations: ModelFamily.Components,
        title: String
    ) throws(IsomerError) {
        var known = KnownComponentAliases()
        try self.init(reading, inventory, family, configurations, title: title, &known)
    }

    private init(
        _ reading: AdapterReading, _ inventory: TensorInventory, _ family: ModelFamily, _ configurations: ModelFamily.Components,
        title: String, _ known: inout KnownComponentAliases
    ) throws(IsomerError) {
        let aliases = try AdapterAliases(family, configurations, &known)
        let resolved = reading.resolved(in: aliases)
        self.aliases = aliases
        self.title = title
        self.reading = resolved
        named = resolved.modules.count { $0.target != nil }
        fitting = resolved.modules.count { $0.target != nil && $0.misfit(in: inventory) == nil }
    }

    /// The published models that adapters are made for, those first that most modules fit; only those that any name fits.
    ///
    /// Two models that differ in nothing an adapter touches are one: the first is named.
    public static func candidates(_ reading: AdapterReading, _ inventory: TensorInventory) throws(IsomerError) -> [AdapterBase] {
        var found: [AdapterBase] = []
        var known = KnownComponentAliases()
        for family in ModelFamily.all {
            for member in family.members where member.components["unet"] != nil || member.components["transformer"] != nil {
                let base = try AdapterBase(reading, inventory, family, member.components, title: member.title, &known)
                if base.named > 0 { found.append(base) }
                // Members of a family call their modules alike: where the first knows no name, the others do not either.
                if base.isWhole || base.named == 0 { break }
            }
        }
        return found.enumerated().sorted { left, right in
            (right.element.fitting, right.element.named, left.offset) < (left.element.fitting, left.element.named, right.offset)
        }.map(\.element)
    }

    /// Whether every module has a name and fits.
    public var isWhole: Bool { fitting == reading.modules.count }
}
