import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// Completes what shapes do not tell: from the user's hints, else from the published member with the same structure, else from a member
    /// that is as wide, which is said.
    mutating func settle(_ hints: ConfigurationHints, _ request: ConversionRequest) {
        scheduler = hints.scheduler ?? scheduler
        pipeline = hints.pipeline ?? pipeline
        if index == nil { index = hints.index }
        if plainFiles.isEmpty { plainFiles = hints.plainFiles }
        let named = fittingMembers.first { $0.identifier == request.architecture } ?? specifiedMember
        if family.asksForMember { member = named }
        let likely = likelyMember
        asked = family.members.first { $0.identifier == request.architecture }
        for (name, component) in components.sorted(by: { $0.key < $1.key }) {
            var configuration = component.configuration
            // What the tensors tell against a configuration file stands; then the file is not what is written.
            let isSaid = hints.components[name].map { configuration.hasStructure(of: $0) && configuration.agrees(with: $0) } ?? false
            if let hint = hints.components[name], configuration.hasStructure(of: hint) {
                configuration = configuration.completed(byAny: hint)
            }
            if let known = likely?.components[name], configuration.hasStructure(of: known) {
                configuration = configuration.completed(byAny: known)
            }
            configuration = family.completed(configuration, slot: name)
            if let asked, let known = asked.components[name] {
                complete(&configuration, as: asked, because: "--architecture names it") { $0.completed(inTheMannerOfAny: known) }
            }
            if !configuration.undecided.isEmpty, !family.asksForMember {
                for member in family.members where member.markers.isEmpty {
                    guard let known = member.components[name] else { continue }
                    complete(&configuration, as: member, because: "the \(component.slot.network.title) is as wide") {
                        $0.completed(asRelativeOfAny: known)
                    }
                }
            }
            components[name]?.configuration = configuration
            if component.written == nil, isSaid { components[name]?.written = hints.written[name] }
        }
        let members = fittingMembers
        if let named {
            member = named
        } else {
            member = members.count == 1 ? members.first : nil
        }
        if let prediction = request.prediction {
            self.prediction = .prediction(prediction, because: "--prediction-type says so", flag: nil)
        }
    }

    /// Gives `configuration` what `completion` knows of it, and says so, if that is anything that must be known.
    private mutating func complete(
        _ configuration: inout any NetworkConfiguration, as member: ModelMember, because reason: String,
        _ completion: (any NetworkConfiguration) -> (any NetworkConfiguration)?
    ) {
        guard let completed = completion(configuration), completed.undecided.count < configuration.undecided.count else { return }
        let settled = configuration.undecided.filter { !completed.undecided.contains($0) }
        decisions.append(Decision(settled.joined(separator: ", "), "as in \(member.title)", because: reason, flag: "--config FILE"))
        configuration = completed
    }

    /// What speaks against the family that the user named, to be said along with the result.
    static func doubts(of family: ModelFamily, _ evidence: [Evidence]) -> [String] {
        evidence.filter { !$0.holds }.map { "taken for \(family.title), though it is not true that \($0.claim)" }
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

    /// The likely member, or else the one that a relative of no published structure is run as: the one that the user named, or one into which as
    /// many channels go, and which predicts the same.
    var nearestMember: ModelMember? {
        if let likely = likelyMember ?? asked { return likely }
        let alike = family.members.filter { $0.markers.isEmpty && hasInterface(of: $0) }
        let candidates = alike.isEmpty ? family.members : alike
        return candidates.first { $0.prediction.rawValue == prediction?.value } ?? candidates.first
    }

    /// Whether as many channels go in and out as in `member`.
    func hasInterface(of member: ModelMember) -> Bool {
        components.allSatisfy { slot, component in
            member.components[slot].map { $0.interface == component.configuration.interface } ?? true
        }
    }
}

extension ModelFamily {
    /// Whether all of `components` have a slot of their kind here and all evidence speaks for the family.
    func accepts(_ components: Components) -> Bool {
        components.allSatisfy { name, configuration in slot(name).map { $0.network == type(of: configuration) } ?? false }
            && judge(components).allSatisfy(\.holds)
    }
}
