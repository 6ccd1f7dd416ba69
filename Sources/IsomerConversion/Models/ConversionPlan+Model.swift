import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
import IsomerTensors

/// What a model is to become.
public enum ModelTarget: Hashable, Sendable {
    /// One file in the family's original layout.
    case checkpoint(Container)
    /// One file in the canonical names: of one component, as a Diffusers folder holds it.
    case canonical(Container)
    /// A Diffusers folder.
    case diffusers
}

extension ConversionPlan {
    /// The plan that turns the model at `request.source`, in whatever arrangement it is, into `target`.
    public init(_ request: ConversionRequest, to target: ModelTarget) throws(IsomerError) {
        let model = try Model(request)
        switch target {
        case .checkpoint(let container): self = try model.checkpointPlan(container, request)
        case .canonical(let container): self = try model.componentPlan(container, request)
        case .diffusers: self = try model.diffusersPlan(request)
        }
        try check()
    }
}

extension Model {
    /// Reads the model that `request` names, with replaced components and everything that the user or neighbouring files say about it.
    public init(_ request: ConversionRequest) throws(IsomerError) {
        let path = request.source
        var hints = ConfigurationHints()
        hints.components = request.given
        if let said = request.configuration { hints = try ConfigurationHints(said, limits: request.limits) }
        switch try FileSystem.kind(of: path) {
        case .folder?: try self.init(diffusers: path, request, hints)
        case .file?:
            if let neighbour = Model.description(beside: path), try FileSystem.kind(of: neighbour) == .file {
                hints = hints.over(try ConfigurationHints(neighbour, limits: request.limits))
            }
            try self.init(checkpoint: path, request, hints)
        case .other?: throw IsomerError(.cannotRead, "this is neither a file nor a folder", path: path)
        case nil: throw IsomerError(.cannotRead, "there is no such file or folder", path: path, remedy: "check the path")
        }
        let before = components.mapValues(\.configuration)
        for (slot, other) in request.replacements.sorted(by: { $0.key < $1.key }) { try replace(slot, from: other, request) }
        if !request.replacements.isEmpty { try refuseStrangers(request.replacements, in: before) }
    }

    /// Throws `mismatch` if components from elsewhere do not go with the others: if they make another family's model, or if what they hand on
    /// has another width than what they replace handed on.
    private func refuseStrangers(_ replacements: [String: FilePath], in before: ModelFamily.Components) throws(IsomerError) {
        for (slot, path) in replacements.sorted(by: { $0.key < $1.key }) {
            guard let component = components[slot], let old = before[slot].flatMap(Self.widthHandedOn),
                let new = Self.widthHandedOn(component.configuration), old.width != new.width
            else { continue }
            throw IsomerError(
                .mismatch, "this \(component.slot.network.title) does not go with the rest of the model: it has other \(new.what)",
                path: path, item: slot, expected: "\(old.width)", found: "\(new.width)")
        }
        let known = Set(family.judge(before).filter { !$0.holds }.map(\.claim))
        let against = family.judge(components.mapValues(\.configuration)).filter { !$0.holds && !known.contains($0.claim) }
        guard !against.isEmpty else { return }
        let path = replacements.count == 1 ? replacements.values.first : nil
        throw IsomerError(
            .mismatch,
            "these components do not make a \(family.title) model: " + against.map { "not true that \($0.claim)" }.joined(separator: "; "),
            path: path, remedy: "take components of one family; `isomer inspect` tells which each is")
    }

    /// How wide what a component gives to the others is, for those whose own kind does not say it.
    private static func widthHandedOn(_ configuration: any NetworkConfiguration) -> (width: Int, what: String)? {
        switch configuration {
        case let vae as AutoencoderKLConfiguration: (vae.latentChannels, "latent channels")
        case let text as CLIPTextConfiguration: (text.width, "numbers for a token")
        case let text as T5EncoderConfiguration: (text.width, "numbers for a token")
        default: nil
        }
    }

    /// The YAML that A1111's users keep beside a checkpoint: the same name with another ending.
    private static func description(beside path: FilePath) -> FilePath? {
        guard let stem = path.stem else { return nil }
        return path.removingLastComponent().appending(stem + ".yaml")
    }

    /// Takes component `slot` from another file or folder.
    private mutating func replace(_ slot: String, from path: FilePath, _ request: ConversionRequest) throws(IsomerError) {
        guard let place = family.slot(slot) else {
            throw IsomerError(
                .usage, "\(family.title) has no such component", item: slot, found: slot,
                remedy: "choose one of \(family.slots.map(\.name).joined(separator: ", "))")
        }
        var inner = ConversionRequest(source: path)
        inner.limits = request.limits
        inner.allowedMissing = request.allowedMissing
        inner.allowedUnknown = request.allowedUnknown
        inner.configuration = request.configuration
        let other = try Model(inner)
        // A text encoder in a file of its own has the same slot whichever encoder of a model it is to be.
        let only = other.components.count == 1 ? other.components.values.first : nil
        guard let component = other.components[slot] ?? only, component.slot.network == place.network else {
            throw IsomerError(
                .mismatch, "there is no \(place.network.title) in it", path: path,
                found: other.components.keys.sorted().joined(separator: ", "))
        }
        if let replaced = components[slot] {
            var seen: Set<TensorReference> = []
            for (name, expression) in replaced.tensors.sorted(by: { $0.key < $1.key }) {
                for case .tensor(let reference, _) in expression.pieces where seen.insert(reference).inserted {
                    let original = sources[reference.source].tensors.tensors[reference.index].name
                    beside.append(
                        Beside(
                            reference, name: original.isEmpty ? name : original, because: "replaced by \(path.string)"))
                }
            }
        }
        var moved = component.movedBehind(sources.count)
        moved.slot = place
        moved.placement = nil
        components[slot] = moved
        sources += other.sources
        decisions.append(Decision(slot, path.string, because: "--\(slot) names it"))
        member = nil
        settle(ConfigurationHints(), request)
    }
}
