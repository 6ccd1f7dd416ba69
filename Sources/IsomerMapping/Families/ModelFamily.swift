public import IsomerArchitectures
public import IsomerBytes

/// A family of whole models: which components they have, where a checkpoint keeps each, and the published members.
///
/// A new family is one value of this type in one file, and one line in `ModelFamily.all`.
public struct ModelFamily: Sendable {
    /// A short name for flags and JSON: `sd1`.
    public let identifier: String
    /// What people call it: "Stable Diffusion 1.x".
    public let title: String
    /// The components, in the order in which a checkpoint is written.
    public let slots: [Slot]
    /// Published models whose configurations are known, the most usual first.
    public let members: [ModelMember]
    /// Tensors that checkpoints of the family carry beside the components.
    public let companions: [Companion]
    /// What speaks for and against a model being of this family, given the configurations of the components that were found.
    let evidence: @Sendable (Components) -> [Evidence]

    /// The components of one model, by slot name.
    public typealias Components = [String: any NetworkConfiguration]

    /// What speaks for and against a model with these components being of this family.
    public func judge(_ components: Components) -> [Evidence] { evidence(components) }

    /// The slot `name`.
    public func slot(_ name: String) -> Slot? { slots.first { $0.name == name } }
}

/// One component of a family of models.
public struct Slot: Sendable {
    /// The folder that Diffusers keeps it in: `unet`.
    public let name: String
    /// The kind of network.
    public let network: any NetworkConfiguration.Type
    /// Where a checkpoint may keep it. The first is where it is written.
    public let placements: [Placement]
    /// Where a training checkpoint keeps the averaged copy (EMA) of its weights, if it does.
    public let average: Placement?
    /// What the family makes of a configuration that was read off shapes, and what it leaves aside by that.
    let adapt: @Sendable (any NetworkConfiguration, TensorInventory, Placement) -> (any NetworkConfiguration, [Companion])

    /// The form of a configuration that the family's checkpoints have, where Diffusers folders may have another with the same numbers.
    public let written: @Sendable (any NetworkConfiguration) -> any NetworkConfiguration
    /// Tensors that checkpoints of the family have and that follow from the configuration.
    public let generated: @Sendable (any NetworkConfiguration) -> [GeneratedTensor]

    init<Configuration: NetworkConfiguration>(
        _ name: String, _ network: Configuration.Type, _ placements: [Placement], average: Placement? = nil,
        written: @escaping @Sendable (Configuration) -> Configuration = { $0 },
        generated: @escaping @Sendable (Configuration) -> [GeneratedTensor] = { _ in [] },
        adapt: @escaping @Sendable (Configuration, TensorInventory, Placement) -> (Configuration, [Companion]) = { found, _, _ in
            (found, [])
        }
    ) {
        self.name = name
        self.network = network
        self.placements = placements
        self.average = average
        self.adapt = { configuration, inventory, placement in
            guard let typed = configuration as? Configuration else { return (configuration, []) }
            return adapt(typed, inventory, placement)
        }
        self.written = { configuration in (configuration as? Configuration).map { written($0) } ?? configuration }
        self.generated = { configuration in (configuration as? Configuration).map(generated) ?? [] }
    }
}

/// A tensor that follows from a configuration.
public struct GeneratedTensor: Sendable {
    /// Its name in the layout.
    public let name: String
    /// Its numbers, one after another.
    public let integers: [Int64]
    /// Its extents.
    public let dimensions: [Int]
}

/// One published model of a family.
public struct ModelMember: Sendable {
    /// A short name for flags: `sd15`.
    public let identifier: String
    /// What people call it: "Stable Diffusion 1.5".
    public let title: String
    /// The Diffusers pipeline that runs it.
    public let pipeline: String
    /// Its components' configurations, by slot.
    public let components: ModelFamily.Components
    /// Its `scheduler_config.json`.
    public let scheduler: JSONObject
    /// What its denoiser predicts.
    public let prediction: Prediction
    /// The token that fills short prompts, by tokenizer folder.
    public let padTokens: [String: String]
}

/// What a denoiser's output stands for.
public enum Prediction: String, Hashable, Sendable, CaseIterable {
    /// The noise that was added.
    case epsilon
    /// The velocity between noise and picture.
    case velocity = "v_prediction"
}

/// One observation in favour of a family or against it.
public struct Evidence: Hashable, Sendable {
    /// What was looked at: "the text encoder is OpenCLIP's".
    public let claim: String
    /// Whether it is so.
    public let holds: Bool

    /// States that `claim` is so or is not.
    public init(_ claim: String, _ holds: Bool) {
        self.claim = claim
        self.holds = holds
    }
}
