public import IsomerArchitectures
import IsomerBytes

/// A file looked at as a model of one family: which components stand where, and what their shapes tell. Enough to judge the family; no tensor
/// has been looked up yet.
struct FamilySketch {
    /// A component that stands somewhere.
    struct Component {
        var slot: Slot
        var placement: Placement
        var configuration: any NetworkConfiguration
        var companions: [Companion]
    }

    let family: ModelFamily
    let components: [Component]
    let evidence: [Evidence]

    var isAccepted: Bool { evidence.allSatisfy(\.holds) }

    /// What `told` tells of the family's components that stand at `places`; `nil` if there are none.
    init?(_ family: ModelFamily, at places: [FoundPlace], given: ModelFamily.Components, _ told: ToldConfigurations) {
        guard !places.isEmpty else { return nil }
        var components: [Component] = []
        for (slot, placement) in places {
            guard let (below, found) = told[placement] else { continue }
            let (told, companions) = slot.adapt(found, below, placement)
            // A given configuration with other tensors is answered with the list of tensors that differ, not with a sentence about numbers.
            let configuration = given[slot.name].map { told.hasStructure(of: $0) ? told.completed(byAny: $0) : $0 } ?? told
            components.append(Component(slot: slot, placement: placement, configuration: configuration, companions: companions))
        }
        self.family = family
        self.components = components
        evidence = family.judge(Dictionary(components.map { ($0.slot.name, $0.configuration) }, uniquingKeysWith: { first, _ in first }))
    }
}

/// A component of a family and where a file has it.
typealias FoundPlace = (slot: Slot, placement: Placement)

extension ModelFamily {
    /// Whether any family has a component in `inventory`.
    public static func isPresent(in inventory: TensorInventory) -> Bool {
        all.contains { family in family.slots.contains { slot in slot.searched.contains { $0.isPresent(in: inventory) } } }
    }

    /// Where the family's components stand in `inventory`.
    func places(in inventory: TensorInventory) -> [FoundPlace] {
        slots.compactMap { slot in
            slot.searched.first { $0.isPresent(in: inventory) }.map { (slot, $0) }
        }
    }
}

/// What shapes tell at each place, read once for all families that look there.
struct ToldConfigurations {
    /// A layout and where it is looked for. Two layouts of one network may have one name in reports, but not one signature there.
    private struct Key: Hashable {
        var network: ObjectIdentifier
        var layout: String
        var prefix: String

        init(_ placement: Placement) {
            network = ObjectIdentifier(placement.layout.network)
            layout = placement.layout.name
            prefix = placement.prefix
        }
    }

    /// The tensors below a placement's prefix, and the configuration that they tell.
    typealias Told = (below: TensorInventory, configuration: any NetworkConfiguration)

    private var known: [Key: Told] = [:]

    /// Reads what each of `placements` tells, on all cores.
    init(_ placements: [Placement], in inventory: TensorInventory) throws(IsomerError) {
        let distinct = Array(Dictionary(placements.map { (Key($0), $0) }, uniquingKeysWith: { first, _ in first }))
        let told = try Workers().map(distinct.count) { item throws(IsomerError) -> Told in
            let placement = distinct[item].value
            let below = inventory.under(placement.prefix)
            return (below, try placement.layout.configuration(shapesOf: below))
        }
        for (place, told) in zip(distinct, told) { known[place.key] = told }
    }

    subscript(placement: Placement) -> Told? { known[Key(placement)] }
}
