import IsomerArchitectures

/// What is known, as rows of a table made from the registry itself.
public struct ArchitectureCatalogue: Sendable {
    /// One family or recognised architecture.
    public struct Row: Hashable, Sendable {
        /// The short name that flags take.
        public let identifier: String
        /// What people call it.
        public let title: String
        /// Published models whose configurations are known: short name and title.
        public let members: [Member]
        /// Each component with the namings that are read and written, the canonical one first.
        public let components: [Component]
        /// Why it is not converted; `nil` for a family that is.
        public let unmappedBecause: String?
    }

    /// A published model.
    public struct Member: Hashable, Sendable {
        public let identifier: String
        public let title: String
    }

    /// A component and its namings.
    public struct Component: Hashable, Sendable {
        /// The slot: `text_encoder_2`.
        public let slot: String
        /// The kind of network: "CLIP text encoder".
        public let title: String
        /// The namings: "Diffusers", "LDM".
        public let layouts: [String]
    }

    /// Families that are converted in the order of the registry, then what is only recognised.
    public static var rows: [Row] {
        ModelFamily.all.map { family in
            Row(
                identifier: family.identifier, title: family.title,
                members: family.members.map { Member(identifier: $0.identifier, title: $0.title) },
                components: family.slots.map { slot in
                    var names = Layouts.of(slot.network).prefix(1).map(\.name)
                    for placement in slot.placements where !names.contains(placement.layout.name) { names.append(placement.layout.name) }
                    return Component(slot: slot.name, title: slot.network.title, layouts: names)
                },
                unmappedBecause: nil)
        }
            + UnmappedArchitecture.all.map {
                Row(identifier: $0.identifier, title: $0.title, members: [], components: [], unmappedBecause: $0.reason)
            }
    }

    /// The rows as the table in this package's README.
    public static var markdown: String {
        var text = "| family | published models | components and their namings |\n|---|---|---|\n"
        for row in rows where row.unmappedBecause == nil {
            let members = row.members.map { "`\($0.identifier)`" }.joined(separator: ", ")
            let components = row.components.map { component in
                "\(row.components.count > 1 ? component.slot : component.title): \(component.layouts.joined(separator: ", "))"
            }
            text += "| \(row.title) | \(members) | \(components.joined(separator: "; ")) |\n"
        }
        let recognised = rows.filter { $0.unmappedBecause != nil }.map(\.title)
        return text + "\nRecognised by name and not converted: \(recognised.joined(separator: ", ")).\n"
    }
}
