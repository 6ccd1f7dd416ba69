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
    /// Whether members with the same shapes differ in what shapes do not tell, so that one must be named.
    public let asksForMember: Bool
    /// Whether some members predict noise and others velocity with weights that look alike, so that the denoiser itself is asked.
    public let asksForPrediction: Bool
    /// Whether checkpoints say by a marker tensor that the denoiser predicts velocity.
    public let marksVelocity: Bool
    /// What `general.architecture` says in a GGUF file of it, as ComfyUI's loader knows it.
    public let ggufName: String
    /// What speaks for and against a model being of this family, given the configurations of the components that were found.
    let evidence: @Sendable (Components) -> [Evidence]

    init(
        identifier: String, title: String, slots: [Slot], members: [ModelMember], companions: [Companion] = [], asksForMember: Bool = false,
        asksForPrediction: Bool = false, marksVelocity: Bool = false, ggufName: String? = nil,
        evidence: @escaping @Sendable (Components) -> [Evidence] = { _ in [] }
    ) {
        self.identifier = identifier
        self.title = title
        self.slots = slots
        self.members = members
        self.companions = companions
        self.asksForMember = asksForMember
        self.asksForPrediction = asksForPrediction
        self.marksVelocity = marksVelocity
        self.ggufName = ggufName ?? identifier
        self.evidence = evidence
    }

    /// The components of one model, by slot name.
    public typealias Components = [String: any NetworkConfiguration]

    /// What speaks for and against a model with these components being of this family.
    public func judge(_ components: Components) -> [Evidence] { evidence(components) }

    /// The slot `name`.
    public func slot(_ name: String) -> Slot? { slots.first { $0.name == name } }
}

/// The identifier is the family: code that treats one of them otherwise compares it with `.flux` and spells no identifier.
extension ModelFamily: Equatable {
    public static func == (one: ModelFamily, other: ModelFamily) -> Bool { one.identifier == other.identifier }
}

/// One component of a family of models.
public struct Slot: Sendable {
    /// The folder that Diffusers keeps it in: `unet`.
    public let name: String
    /// The kind of network.
    public let network: any NetworkConfiguration.Type
    /// Where a checkpoint may keep it. The first is where it is written.
    public let placements: [Placement]
    /// Where it is looked for: there, and below its own name, where a pipeline's components stand that were saved into one file (`unet.conv_in.weight`).
    let searched: [Placement]
    /// Where a training checkpoint keeps the averaged copy (EMA) of its weights, if it does.
    public let average: Placement?
    /// What the family makes of a configuration that was read off shapes, and what it leaves aside by that.
    let adapt: @Sendable (any NetworkConfiguration, TensorInventory, Placement) -> (any NetworkConfiguration, [Companion])

    /// The form of a configuration that the family's checkpoints have, where Diffusers folders may have another with the same numbers.
    public let written: @Sendable (any NetworkConfiguration) -> any NetworkConfiguration
    /// Tensors that checkpoints of the family have and that follow from the configuration.
    public let generated: @Sendable (any NetworkConfiguration) -> [GeneratedTensor]
    /// Canonical tensors that some checkpoints lack because they follow from the configuration.
    public let implied: @Sendable (any NetworkConfiguration) -> [GeneratedTensor]
    /// Whether a Diffusers folder can do without it.
    public let isOptional: Bool
    /// Where it is written if a file holds nothing else, given where it was found; `nil` for the usual place.
    public let alone: @Sendable (any NetworkConfiguration, Placement?) -> Placement?

    init<Configuration: NetworkConfiguration>(
        _ name: String, _ network: Configuration.Type, _ placements: [Placement], average: Placement? = nil,
        alone: @escaping @Sendable (Configuration, Placement?) -> Placement? = { _, _ in nil }, isOptional: Bool = false,
        written: @escaping @Sendable (Configuration) -> Configuration = { $0 },
        generated: @escaping @Sendable (Configuration) -> [GeneratedTensor] = { _ in [] },
        implied: @escaping @Sendable (Configuration) -> [GeneratedTensor] = { _ in [] },
        adapt: @escaping @Sendable (Configuration, TensorInventory, Placement) -> (Configuration, [Companion]) = { found, _, _ in
            (found, [])
        }
    ) {
        self.name = name
        self.network = network
        self.placements = placements
        searched = placements + Placement.alone(network).map { Placement(name + ".", $0.layout) }
        self.average = average
        self.alone = { configuration, found in (configuration as? Configuration).flatMap { alone($0, found) } }
        self.isOptional = isOptional
        self.adapt = { configuration, inventory, placement in
            guard let typed = configuration as? Configuration else { return (configuration, []) }
            return adapt(typed, inventory, placement)
        }
        self.written = { configuration in (configuration as? Configuration).map { written($0) } ?? configuration }
        self.generated = { configuration in (configuration as? Configuration).map(generated) ?? [] }
        self.implied = { configuration in (configuration as? Configuration).map(implied) ?? [] }
    }
}

/// A tensor that follows from a configuration.
public struct GeneratedTensor: Sendable {
    /// Its name in the layout.
    public let name: String
    /// Its numbers, one after another.
    public let numbers: Numbers
    /// Its extents.
    public let dimensions: [Int]
    /// Whether its name stands as it is, rather than below the component's prefix.
    public let isAtRoot: Bool

    /// What a generated tensor holds.
    public enum Numbers: Hashable, Sendable {
        /// Written as 64-bit integers.
        case integers([Int64])
        /// Written in the type of the tensors they stand beside.
        case floats([Float])
        /// Written as 32-bit floats, whatever stands beside them.
        case singles([Float])
    }

    init(name: String, _ numbers: Numbers, dimensions: [Int], isAtRoot: Bool = false) {
        self.name = name
        self.numbers = numbers
        self.dimensions = dimensions
        self.isAtRoot = isAtRoot
    }
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
    /// The tokenizers of its text encoders.
    public let tokenizers: [MemberTokenizer]
    /// What `model_index.json` says beside the components.
    public let indexEntries: JSONObject
    /// Tensors that must stand beside the components: what alone tells it from members with the same structure.
    public let markers: Set<String>
    /// How `modelspec.architecture` begins in files of it, where that decides.
    public let specifications: [String]

    init(
        _ identifier: String, _ title: String, pipeline: String, components: ModelFamily.Components, scheduler: JSONObject = [:],
        prediction: Prediction = .epsilon, tokenizers: [MemberTokenizer] = [], indexEntries: JSONObject = [:], markers: Set<String> = [],
        specifications: [String] = []
    ) {
        self.identifier = identifier
        self.title = title
        self.pipeline = pipeline
        self.components = components
        self.scheduler = scheduler
        self.prediction = prediction
        self.tokenizers = tokenizers
        self.indexEntries = indexEntries
        self.markers = markers
        self.specifications = specifications
    }
}

/// A tokenizer folder of a published model.
public struct MemberTokenizer: Hashable, Sendable {
    /// The folder: `tokenizer_2`.
    public let folder: String
    /// The slot of the text encoder that it serves.
    public let encoder: String
    /// Whose it is.
    public let kind: Kind

    /// The families of tokenizers.
    public enum Kind: Hashable, Sendable {
        /// CLIP's, with the token that fills short prompts.
        case clip(padding: String)
        /// T5's.
        case t5
    }

    /// The class that `model_index.json` names.
    public var className: String {
        switch kind {
        case .clip: "CLIPTokenizer"
        case .t5: "T5TokenizerFast"
        }
    }

    init(_ folder: String, for encoder: String, _ kind: Kind) {
        self.folder = folder
        self.encoder = encoder
        self.kind = kind
    }
}

/// What a denoiser's output stands for.
public enum Prediction: String, Hashable, Sendable, CaseIterable {
    /// The noise that was added.
    case epsilon
    /// The velocity between noise and picture.
    case velocity = "v_prediction"
    /// The picture.
    case sample
    /// The straight path from picture to noise (rectified flow), which its schedulers take for granted.
    case flow = "flow_prediction"
    /// The picture, preconditioned as in EDM, which its schedulers take for granted.
    case edm
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
