public import IsomerArchitectures
public import IsomerBytes
import IsomerTensors

/// A file read as a model of one family: its components, what speaks for that, and what nothing explains.
public struct ModelReading: Sendable {
    /// The family.
    public let family: ModelFamily
    /// The components that were found, by slot.
    public let components: [String: ComponentReading]
    /// Averaged copies of components, by slot.
    public let averages: [String: ComponentReading]
    /// What was looked at.
    public let evidence: [Evidence]
    /// Published members with the same structure in all components found.
    public let members: [ModelMember]
    /// Tensors beside the components that the family knows.
    public let companions: [ComponentReading.Companionship]
    /// Tensors that nothing explains.
    public let leftover: [Int]

    /// Whether all evidence is in favour.
    public var isAccepted: Bool { evidence.allSatisfy(\.holds) }

    /// The configuration of slot `name`, completed by the first member that has the same structure.
    public func configuration(of name: String) -> (any NetworkConfiguration)? {
        guard let found = components[name]?.configuration else { return nil }
        return family.completed(found, slot: name)
    }
}

extension ModelFamily {
    /// `configuration` with what shapes do not tell taken from the first member whose component has the same tensors.
    public func completed(_ configuration: any NetworkConfiguration, slot: String) -> any NetworkConfiguration {
        let known = members.filter(\.markers.isEmpty).compactMap { $0.components[slot] }.filter(configuration.hasStructure)
        guard let first = known.first, !asksForMember || known.count == 1 else { return configuration }
        return configuration.completed(byAny: first)
    }

    /// The members whose components have the same tensors as all of `components`, and whose markers are all among `markers`; those with the
    /// most markers first. In a family that asks for a member, what is known beyond the tensors may name one.
    public func members(matching components: Components, markers: Set<String> = []) -> [ModelMember] {
        let fitting = members.filter { member in
            member.markers.isSubset(of: markers)
                && components.allSatisfy { slot, found in member.components[slot].map(found.hasStructure) ?? true }
        }
        let most = fitting.map(\.markers.count).max() ?? 0
        let marked = fitting.filter { $0.markers.count == most }
        guard asksForMember else { return marked }
        let agreeing = marked.filter { member in
            components.allSatisfy { slot, found in member.components[slot].map(found.agrees(with:)) ?? true }
        }
        return agreeing.isEmpty ? marked : agreeing
    }

    /// Reads `inventory` as a checkpoint of this family; `nil` if none of its components is there.
    ///
    /// `given` are configurations that the user or a neighbouring file states; they stand in for what shapes tell.
    public func reading(of inventory: TensorInventory, given: Components = [:]) throws(IsomerError) -> ModelReading? {
        let places = places(in: inventory)
        let told = try ToldConfigurations(places.map(\.placement), in: inventory)
        guard let sketch = FamilySketch(self, at: places, given: given, told) else { return nil }
        return try reading(of: inventory, sketch, given: given)
    }

    /// Looks up every tensor of the components that `sketch` found.
    func reading(of inventory: TensorInventory, _ sketch: FamilySketch, given: Components) throws(IsomerError) -> ModelReading {
        var components: [String: ComponentReading] = [:]
        var averages: [String: ComponentReading] = [:]
        var isClaimed = [Bool](repeating: false, count: inventory.tensors.count)
        var companions: [ComponentReading.Companionship] = []
        let readings = try Workers().map(sketch.components.count) { item throws(IsomerError) in
            let found = sketch.components[item]
            return try ComponentReading(found.placement, found.configuration, in: inventory, companions: found.companions)
        }
        for (found, reading) in zip(sketch.components, readings) {
            components[found.slot.name] = reading
            for assignment in reading.assignments { isClaimed[assignment.index] = true }
            for pair in reading.pairs { isClaimed[pair.second] = true }
            for companion in reading.companions where !isClaimed[companion.index] {
                isClaimed[companion.index] = true
                companions.append(companion)
            }
        }
        for slot in slots {
            guard let average = slot.average, average.isPresent(in: inventory) else { continue }
            // The averaged names have no structure left to read: they are looked up from the other copy's, or from what was given.
            guard let configuration = components[slot.name]?.configuration ?? given[slot.name] else { continue }
            averages[slot.name] = try ComponentReading(average, configuration, in: inventory)
        }

        var known = PatternTrie<Companion>()
        for companion in self.companions { known.insert(companion.pattern, companion) }
        var leftover: [Int] = []
        for (index, tensor) in inventory.tensors.enumerated() where !isClaimed[index] {
            if let companion = known.matches(tensor.name).first?.payload {
                companions.append(ComponentReading.Companionship(index: index, companion: companion))
            } else {
                leftover.append(index)
            }
        }
        let configurations = components.mapValues(\.configuration)
        return ModelReading(
            family: self, components: components, averages: averages, evidence: sketch.evidence,
            members: members(matching: configurations, markers: Set(companions.map { inventory.tensors[$0.index].name })),
            companions: companions.sorted { $0.index < $1.index }, leftover: leftover)
    }
}

/// Which model a file is, with reasons.
public struct FamilyDetection: Sendable {
    /// Families that all evidence speaks for, the likeliest first; if there are none, all families of which a component was found.
    public let candidates: [ModelReading]
    /// Families of which a component was found and that some evidence speaks against, when others were accepted.
    public let rejected: [(family: ModelFamily, evidence: [Evidence])]

    /// Tries every family on `inventory`.
    public init(of inventory: TensorInventory, given: ModelFamily.Components = [:]) throws(IsomerError) {
        let places = ModelFamily.all.map { $0.places(in: inventory) }
        let told = try ToldConfigurations(places.joined().map(\.placement), in: inventory)
        let sketches = zip(ModelFamily.all, places).compactMap { FamilySketch($0, at: $1, given: given, told) }
        // Looking up every tensor is the longer part, and not worth it for a family that is out of the question.
        let accepted = sketches.filter(\.isAccepted)
        rejected = accepted.isEmpty ? [] : sketches.filter { !$0.isAccepted }.map { ($0.family, $0.evidence) }
        var found: [ModelReading] = []
        for sketch in accepted.isEmpty ? sketches : accepted {
            found.append(try sketch.family.reading(of: inventory, sketch, given: given))
        }
        // More components, then more of their tensors, then less that nothing explains; the order of the registry settles the rest.
        candidates = found.enumerated().sorted { left, right in
            let a = left.element.rank
            let b = right.element.rank
            return a == b ? left.offset < right.offset : a.lexicographicallyPrecedes(b)
        }.map(\.element)
    }

    /// The one family that all evidence speaks for; `nil` if there is none, or several that nothing tells apart.
    public var decided: ModelReading? {
        let accepted = candidates.filter(\.isAccepted)
        guard let first = accepted.first else { return nil }
        return accepted.dropFirst().contains { $0.rank == first.rank } ? nil : first
    }
}

extension ModelReading {
    /// Smaller is likelier.
    fileprivate var rank: [Int] {
        let coverage = components.values.reduce(0.0) { $0 + $1.coverage }
        return [isAccepted ? 0 : 1, -components.count, -Int(coverage * 1_000), leftover.count]
    }
}
