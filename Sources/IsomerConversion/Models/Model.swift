public import IsomerArchitectures
public import IsomerBytes
import IsomerFormats
public import IsomerMapping
import IsomerTensors

/// A whole model or some of its components, read from any arrangement of files, in the canonical naming, before any tensor byte is read.
public struct Model: Sendable {
    /// The family.
    public var family: ModelFamily
    /// The components that are there, by slot.
    public var components: [String: ModelComponent]
    /// The published model with the same structure, if there is one and nothing tells several apart.
    public var member: ModelMember?
    /// The published model that the user named, whether or not it has the same structure.
    var asked: ModelMember?
    /// What the denoiser predicts, and why that is believed; `nil` if nothing tells.
    public var prediction: Decision?
    /// The `scheduler_config.json` that came with it.
    public var scheduler: JSONObject?
    /// The Diffusers pipeline it names.
    public var pipeline: String?
    /// Files beside the weights that a Diffusers folder has, by path below it: tokenizers, processors' configurations.
    public var plainFiles: [PlainFile]
    /// The `model_index.json` that came with it.
    public var index: JSONObject?
    /// The weight files its tensors come from.
    public var sources: [ConversionPlan.Source]
    /// What an earlier conversion kept aside, and which source it is.
    var extras: Extras?
    var extrasSource: Int?
    /// The folder it was read from, if it was one and the target may be given what lies beside its weights.
    var folder: DiffusersFolder?
    /// Whether it was read from a folder with a `model_index.json`.
    var hasFolderIndex = false
    /// The metadata of the checkpoint it was read from.
    var checkpointMetadata: FileMetadata?
    /// Tensors of the sources that are not part of a component.
    public var beside: [Beside]
    /// Components of its folder that could not be read and that not every target needs, and why.
    var unread: [(component: String, error: IsomerError)] = []
    /// What was settled on the user's behalf.
    public var decisions: [Decision]
    /// What the user should know besides.
    public var notes: [String]

    /// A tensor that is not part of a component.
    public struct Beside: Hashable, Sendable {
        /// The tensor.
        public var tensor: TensorReference
        /// Its name in its file.
        public var name: String
        /// Why it is there.
        public var reason: String
        /// What is known of it.
        public var nature: Nature
        /// Whether some of its rows are part of a component all the same.
        var isPartlyUsed = false

        /// What is known of a tensor beside the components.
        public enum Nature: Hashable, Sendable {
            /// Something of its own.
            case extra
            /// Its content follows from the rest of the model.
            case derivable
            /// Nothing.
            case unknown
        }

        init(_ tensor: TensorReference, name: String, because reason: String, _ nature: Nature = .extra) {
            self.tensor = tensor
            self.name = name
            self.reason = reason
            self.nature = nature
        }

        /// A tensor that a layout knows to stand beside the network.
        init(_ tensor: TensorReference, name: String, _ companion: Companion) {
            self.init(tensor, name: name, because: companion.reason, companion.nature == .derivable ? .derivable : .extra)
        }

        /// A tensor that no layout knows.
        init(unknown tensor: TensorReference, name: String) {
            self.init(tensor, name: name, because: "nothing known explains it", .unknown)
        }
    }
}

/// One component of a model: its configuration, and every canonical tensor of it as pieces of source tensors.
public struct ModelComponent: Sendable {
    /// Its slot in the family.
    public var slot: Slot
    /// What is known of its configuration.
    public var configuration: any NetworkConfiguration
    /// The `config.json` it came with, if it came with one.
    public var written: JSONObject?
    /// Where it was found: "model.diffusion_model. (LDM)".
    public var origin: String
    /// Where it stood in a checkpoint, or under which names in its folder.
    var placement: Placement?
    /// The metadata of its own safetensors file, if it came from a folder and in one.
    var weightMetadata: FileMetadata?
    /// Shapes, by the checkpoint's names, that differ from the layout's by extents of 1.
    var oddShapes: [String: [Int]] = [:]
    /// Its tensors by canonical name.
    var tensors: [String: TensorExpression]
    /// Canonical tensors that were not found because they follow from the configuration, by name.
    var implied: [String: GeneratedTensor] = [:]
    /// Canonical tensors that were not found and that the user allowed to be missing.
    public var missing: Set<String> = []
    /// What is wrong with tensors of another shape than the network's, if the user allowed such, with the canonical names of what they are.
    public var misshapen: [(error: IsomerError, names: [String])] = []
}

extension ModelComponent {
    /// The source tensors that it is made of.
    var references: Set<TensorReference> {
        var found: Set<TensorReference> = []
        for piece in tensors.values.flatMap(\.pieces) {
            if case .tensor(let reference, _) = piece { found.insert(reference) }
        }
        return found
    }

    /// The type of its numbers; of the first in order of names, if they have several.
    var scalarType: ScalarType {
        tensors.min { $0.key < $1.key }?.value.scalarType ?? .f32
    }

    /// The same with its sources counted from `first`.
    func movedBehind(_ first: Int) -> ModelComponent {
        var moved = self
        moved.tensors = tensors.mapValues { $0.movedBehind(first) }
        return moved
    }
}

extension Model {
    /// Whether this is a single component from a file or folder of its own, rather than what is there of a whole model.
    var isAlone: Bool {
        guard components.count == 1, !hasFolderIndex, let component = components.values.first else { return false }
        if family.slots.count == 1 { return true }
        // Denoisers are published alone under the prefix that they have in a whole checkpoint.
        let isDenoiser = component.slot.name == "unet" || component.slot.name == "transformer"
        return component.placement.map { $0.prefix.isEmpty || isDenoiser } ?? false
    }

    /// Elements of a source tensor.
    func elementCount(_ reference: TensorReference) -> Int {
        sources[reference.source].tensors.tensors[reference.index].shape.elementCount
    }
}

extension ConversionPlan.Source {
    /// Gives the tensors as a model wants them: with their true values, and mended if the user wants that. Returns what was decided and found.
    mutating func mend(_ request: ConversionRequest) throws(IsomerError) -> (decisions: [Decision], notes: [String]) {
        let path = files.first?.path
        let packed: PackedWeights
        do throws(IsomerError) { packed = try PackedWeights(in: tensors, as: request.scalarType) } catch { throw error.inFile(path) }
        try packed.refuseUnreadable(path)
        return try mend(request, packed)
    }

    /// The same where packed weights have been looked for, and can be read.
    mutating func mend(
        _ request: ConversionRequest, _ packed: PackedWeights
    ) throws(IsomerError) -> (decisions: [Decision], notes: [String]) {
        // First, because the shapes of packed weights are no network's.
        tensors = packed.unpacked
        packing = packed.kinds
        var decisions = packed.decisions(request.scalarType)
        var notes: [String] = []
        if let (unwrapped, decision) = try WrappedNames.unwrapped(tensors) {
            tensors = unwrapped
            decisions.append(decision)
        }
        if request.repairs {
            let mended = try Repairs(tensors)
            tensors = mended.tensors
            decisions += mended.decisions
            notes += mended.notes
        }
        return (decisions, notes)
    }

    /// A weight file or set, with the files its bytes lie in.
    init(_ label: String, opening path: FilePath, limits: Limits) throws(IsomerError) {
        let tensors = try openWeights(path, limits: limits)
        self.init(label, tensors, files: tensors.files)
    }
}
