import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// Completes what shapes do not tell: from the user's hints, else from the published member with the same structure, else from a member
    /// that is as wide, which is said.
    mutating func settle(_ hints: ConfigurationHints, _ request: ConversionRequest) throws(IsomerError) {
        scheduler = hints.scheduler ?? scheduler
        pipeline = hints.pipeline ?? pipeline
        if index == nil { index = hints.index }
        if plainFiles.isEmpty { plainFiles = hints.plainFiles }
        let named = fittingMembers.first { $0.identifier == request.architecture } ?? specifiedMember
        if family.asksForMember { member = named }
        let likely = likelyMember
        for (name, component) in components.sorted(by: { $0.key < $1.key }) {
            var configuration = component.configuration
            if let hint = hints.components[name], configuration.hasStructure(of: hint) {
                configuration = configuration.completed(byAny: hint)
            }
            if let known = likely?.components[name], configuration.hasStructure(of: known) {
                configuration = configuration.completed(byAny: known)
            }
            configuration = family.completed(configuration, slot: name)
            if !configuration.undecided.isEmpty, !family.asksForMember {
                for member in family.members where member.markers.isEmpty {
                    guard let known = member.components[name], let completed = configuration.completed(asRelativeOfAny: known),
                        completed.undecided.count < configuration.undecided.count
                    else { continue }
                    decisions.append(
                        Decision(
                            configuration.undecided.joined(separator: ", "), "as in \(member.title)",
                            because: "the \(component.slot.network.title) is as wide", flag: "--config FILE"))
                    configuration = completed
                }
            }
            components[name]?.configuration = configuration
            if component.written == nil, hints.components[name].map(configuration.hasStructure) ?? false {
                components[name]?.written = hints.written[name]
            }
        }
        let members = fittingMembers
        if let named {
            member = named
        } else {
            member = members.count == 1 ? members.first : nil
        }
        if let prediction = request.prediction {
            self.prediction = Decision("prediction type", prediction.rawValue, because: "--prediction-type says so")
        }
    }

    /// The members with this structure, as far as markers do not tell them apart.
    var fittingMembers: [ModelMember] {
        family.members(matching: components.mapValues(\.configuration), markers: Set(beside.map(\.name)))
    }

    /// The member that the file's metadata name.
    private var specifiedMember: ModelMember? {
        guard let architecture = checkpointMetadata?["modelspec.architecture"]?.lowercased() else { return nil }
        return fittingMembers.first { $0.specifications.contains { architecture.hasPrefix($0) } }
    }

    /// The member among those that fit which predicts what this model predicts.
    var likelyMember: ModelMember? {
        if let member { return member }
        let members = fittingMembers
        if family.asksForMember, members.count > 1 { return nil }
        return members.first { $0.prediction.rawValue == prediction?.value } ?? members.first
    }
}

extension ModelFamily {
    /// Whether all of `components` have a slot of their kind here and all evidence speaks for the family.
    func accepts(_ components: Components) -> Bool {
        components.allSatisfy { name, configuration in slot(name).map { $0.network == type(of: configuration) } ?? false }
            && judge(components).allSatisfy(\.holds)
    }
}
