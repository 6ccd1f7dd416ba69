import IsomerArchitectures
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

    /// Looks for the family's components; `nil` if none is there.
    init?(
        _ family: ModelFamily, _ inventory: TensorInventory, given: ModelFamily.Components, shared: inout ToldConfigurations
    ) throws(IsomerError) {
        var components: [Component] = []
        for slot in family.slots {
            guard let placement = slot.placements.first(where: { $0.isPresent(in: inventory) }) else { continue }
            let (below, found) = try shared.configuration(at: placement, in: inventory)
            let (told, companions) = slot.adapt(found, below, placement)
            // A given configuration with other tensors is answered with the list of tensors that differ, not with a sentence about numbers.
            let configuration = given[slot.name].map { told.hasStructure(of: $0) ? told.completed(byAny: $0) : $0 } ?? told
            components.append(Component(slot: slot, placement: placement, configuration: configuration, companions: companions))
        }
        guard !components.isEmpty else { return nil }
        self.family = family
        self.components = components
        evidence = family.judge(Dictionary(components.map { ($0.slot.name, $0.configuration) }, uniquingKeysWith: { first, _ in first }))
    }
}

/// What shapes tell at each place, read once for all families that look there.
struct ToldConfigurations {
    /// A layout and where it is looked for. Two layouts of one network may have one name in reports, but not one signature there.
    private struct Place: Hashable {
        var network: ObjectIdentifier
        var layout: String
        var prefix: String
    }

    private var known: [Place: (below: TensorInventory, configuration: any NetworkConfiguration)] = [:]

    /// The tensors below the placement's prefix, and the configuration that they tell.
    mutating func configuration(
        at placement: Placement, in inventory: TensorInventory
    ) throws(IsomerError) -> (below: TensorInventory, configuration: any NetworkConfiguration) {
        let place = Place(network: ObjectIdentifier(placement.layout.network), layout: placement.layout.name, prefix: placement.prefix)
        if let found = known[place] { return found }
        let below = inventory.under(placement.prefix)
        let found = (below, try placement.layout.configuration(shapesOf: below))
        known[place] = found
        return found
    }
}
