public import IsomerArchitectures
public import IsomerBytes
public import IsomerConversion
public import IsomerMapping
import IsomerTensors
import IsomerTokenizers

/// A model that images can be made with: whatever its files are arranged like, what is run is the Diffusers folder that a conversion of it
/// would write, tensor by tensor as they are read, without writing any.
public struct GenerationModel: Sendable {
    /// Where it came from.
    public let path: FilePath
    /// Its family.
    public let family: ModelFamily
    /// "Stable Diffusion 1.5", or the family's title.
    public let title: String
    /// What its denoiser predicts.
    public let prediction: Prediction
    /// Its `scheduler_config.json`.
    public let scheduler: JSONObject
    /// Its `model_index.json`.
    public let index: JSONObject
    /// What was settled on the user's behalf.
    public let decisions: [Decision]
    /// What the user should know.
    public let notes: [String]
    /// Of each component, by slot.
    public let configurations: [String: any NetworkConfiguration]
    /// Whether adapters change its weights.
    let hasAdapters: Bool
    /// The slots of CLIP encoders of which transformers takes the vector at the largest id: their `config.json` has `eos_token_id` 2.
    ///
    /// Reference: transformers 5, modeling_clip.py `CLIPTextModel`.
    let poolsAtLargestID: Set<String>

    private let sources: [String: any TensorSource]
    private let tokenizerFiles: [String: [Tokenizer.File]]
    private let limits: Limits

    /// Opens the model at `path`: a checkpoint or a folder in any arrangement.
    ///
    /// Throws `mismatch` if components are missing, and what reading it throws.
    public init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        var request = ConversionRequest(source: path)
        request.limits = limits
        try self.init(Model(request), request)
    }

    /// Adds adapters and words to a model and opens it.
    ///
    /// Throws `mismatch` if components are missing, or if an adapter or a word's vectors do not fit.
    public init(
        _ model: Model, _ request: ConversionRequest, adapters: [ModelMerge.AddedAdapter] = [], words: [AddedWord] = []
    ) throws(IsomerError) {
        let model = try model.adding(adapters, request)
        path = request.source
        family = model.family
        title = model.member?.title ?? model.family.title
        let lacking = model.family.slots.first { !$0.isOptional && model.components[$0.name] == nil }
        guard model.family.slots.count > 1, lacking == nil else {
            throw IsomerError(
                .mismatch, "images need a whole model, and this one has no \(lacking?.network.title ?? "denoiser")", path: path,
                found: model.components.keys.sorted().joined(separator: ", "),
                remedy: lacking.map { "add it with --\(String($0.name.map { $0 == "_" ? "-" : $0 })) FILE" } ?? "give a whole model")
        }
        var plan = try model.diffusersPlan(request)
        try plan.add(words, limits: request.limits)
        decisions = plan.decisions
        notes = plan.notes
        prediction = model.prediction.flatMap { Prediction(rawValue: $0.value) } ?? .epsilon
        scheduler = try GenerationModel.json("scheduler/scheduler_config.json", plan, request.limits) ?? [:]
        index = try GenerationModel.json("model_index.json", plan, request.limits) ?? [:]
        hasAdapters = !adapters.isEmpty
        limits = request.limits

        var sources: [String: any TensorSource] = [:]
        var configurations: [String: any NetworkConfiguration] = [:]
        for (number, file) in plan.files.enumerated() {
            guard let slot = file.path.components.first?.string, let component = model.components[slot] else { continue }
            let source = try PlannedTensorSource(plan, file: number)
            sources[slot] = source
            configurations[slot] = component.configuration
            // Added words made the table longer.
            if var text = component.configuration as? CLIPTextConfiguration,
                let table = source.tensors.first(where: { $0.name.hasSuffix("token_embedding.weight") })
            {
                text.vocabularySize = table.shape.dimensions.first ?? text.vocabularySize
                configurations[slot] = text
            }
        }
        self.sources = sources
        self.configurations = configurations
        poolsAtLargestID = try GenerationModel.poolingAtLargestID(plan, configurations.keys, request.limits)
        var tokenizerFiles: [String: [Tokenizer.File]] = [:]
        for file in plan.plainFiles where file.path.components.count == 2 {
            guard let folder = file.path.components.first?.string, folder.hasPrefix("tokenizer"), let name = file.path.lastComponent?.string
            else { continue }
            tokenizerFiles[folder, default: []].append(Tokenizer.File(name: name, bytes: file.bytes))
        }
        self.tokenizerFiles = tokenizerFiles
    }

    private static func poolingAtLargestID(
        _ plan: ConversionPlan, _ slots: some Sequence<String>, _ limits: Limits
    ) throws(IsomerError) -> Set<String> {
        var found: Set<String> = []
        for slot in slots {
            let object = try json(slot + "/config.json", plan, limits)
            if object?["eos_token_id"] == .number(JSONNumber(2)) { found.insert(slot) }
        }
        return found
    }

    private static func json(_ name: String, _ plan: ConversionPlan, _ limits: Limits) throws(IsomerError) -> JSONObject? {
        guard let file = plan.plainFiles.first(where: { $0.path.string == name }) else { return nil }
        return try JSONCursor(JSONValue(parsing: file.bytes, dialect: .python, limits: limits), path: file.path).object()
    }

    /// The tokenizer of the text encoder in `slot`: `text_encoder_2` has `tokenizer_2`.
    func tokenizer(of slot: String) throws(IsomerError) -> TokenizerFile {
        let folder = "tokenizer" + slot.dropFirst("text_encoder".count)
        guard let files = tokenizerFiles[folder] else {
            throw IsomerError(
                .undecided, "the model has no tokenizer for its \(slot)", path: path, item: folder,
                remedy: "give a Diffusers folder that has it with --config")
        }
        return try TokenizerFile(files, path: FilePath(folder), limits: limits)
    }

    /// The configuration in `slot`, if it is of this kind.
    func configuration<Configuration: NetworkConfiguration>(
        _ slot: String, _ type: Configuration.Type = Configuration.self
    ) throws(IsomerError) -> Configuration {
        guard let configuration = configurations[slot] as? Configuration else {
            throw IsomerError(
                .mismatch, "there is no \(type.title) in this model", path: path, item: slot,
                found: configurations.keys.sorted().joined(separator: ", "))
        }
        return configuration
    }

    /// Whether there is a component in `slot`.
    func has(_ slot: String) -> Bool { configurations[slot] != nil }

    /// A component to be run.
    func stage(_ slot: String, _ settings: ComputeSettings, isRehearsal: Bool) throws(IsomerError) -> NetworkStage {
        guard let source = sources[slot] else {
            throw IsomerError(.mismatch, "the model has no such component", path: path, item: slot)
        }
        // A step is finished when the user asks to stop; nothing is lost by leaving texts and pictures half done.
        return NetworkStage(
            slot, source, settings, isRehearsal: isRehearsal, keepsMade: hasAdapters,
            finishesPasses: slot == "unet" || slot == "transformer")
    }
}
