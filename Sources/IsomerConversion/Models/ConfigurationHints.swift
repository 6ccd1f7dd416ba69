import IsomerArchitectures
public import IsomerBytes
import IsomerFormats
public import IsomerMapping

/// What the user says about a model beside its weights: with `--config`, or by a file that lies next to the weights.
public struct ConfigurationHints: Sendable {
    /// Configurations of components, by slot.
    public var components: ModelFamily.Components = [:]
    /// What the denoiser predicts, and where that is said.
    public var prediction: (value: Prediction, origin: String)?
    /// The `scheduler_config.json`.
    public var scheduler: JSONObject?
    /// The Diffusers pipeline.
    public var pipeline: String?
    /// The rest of `model_index.json`.
    public var index: JSONObject?
    /// Files that a Diffusers folder has beside weights and configurations, by path below it.
    public var plainFiles: [PlainFile] = []

    /// The `config.json` of components as it was written, by slot.
    var written: [String: JSONObject] = [:]

    /// These hints, and where they say nothing, `others`.
    func over(_ others: ConfigurationHints) -> ConfigurationHints {
        var result = others
        result.components.merge(components) { _, new in new }
        result.written = others.written.filter { components[$0.key] == nil }.merging(written) { _, new in new }
        result.prediction = prediction ?? others.prediction
        result.scheduler = scheduler ?? others.scheduler
        result.pipeline = pipeline ?? others.pipeline
        result.index = index ?? others.index
        if !plainFiles.isEmpty { result.plainFiles = plainFiles }
        return result
    }

    /// These hints, and where they say nothing, those of the extras at `sidecar`, if there are any.
    func over(sidecar: FilePath?, limits: Limits) throws(IsomerError) -> ConfigurationHints {
        guard let sidecar, try FileSystem.kind(of: sidecar) == .file else { return self }
        let extras = try Extras(SafetensorsReader(sidecar, limits: limits).metadata, sidecar, limits: limits)
        return try over(extras.hints(sidecar, limits: limits))
    }

    /// Nothing said.
    public init() {}

    /// Reads what `path` says: a Diffusers folder, the folder or `config.json` of one component.
    public init(_ path: FilePath, limits: Limits) throws(IsomerError) {
        switch try FileSystem.kind(of: path) {
        case .folder? where try FileSystem.kind(of: path.appending("model_index.json")) == .file:
            let folder = try DiffusersFolder(path, limits: limits)
            self = try folder.hints()
        case .folder?: try add(configuration: path.appending("config.json"), limits)
        case .file?: try add(configuration: path, limits)
        case .other?: throw IsomerError(.cannotRead, "this is neither a file nor a folder", path: path)
        case nil: throw IsomerError(.cannotRead, "there is no such file or folder", path: path, remedy: "check the path")
        }
    }

    private mutating func add(configuration path: FilePath, _ limits: Limits) throws(IsomerError) {
        let file = try ReadableFile(path)
        let format = try FileFormat(of: file)
        guard [.json, .text, .unknown, .empty].contains(format) else {
            throw IsomerError(
                .malformed, "this is \(format.name)", path: path, expected: "a configuration",
                remedy: "give the config.json of a component, a YAML, or the whole Diffusers folder")
        }
        let bytes = try file.contents(limit: limits.jsonBytes)
        if let yaml = try ModelYAML(bytes, path) {
            components.merge(yaml.components) { _, new in new }
            if let found = yaml.prediction { prediction = (found, path.string) }
            return
        }
        let json = JSONCursor(try JSONValue(contentsOf: path, dialect: .python, limits: limits), path: path)
        let name = try json.className()
        guard let name, let type = Networks.type(of: name) else {
            throw IsomerError(
                .unsupported, "the configuration names no known network", path: path, item: "_class_name", found: name,
                remedy: "give the config.json of a component, or the whole Diffusers folder")
        }
        add(try type.init(json: json), written: try json.object())
    }

    /// Takes the configuration of a component that stands alone for whatever slot the weights turn out to fill.
    mutating func add(_ configuration: any NetworkConfiguration, written object: JSONObject) {
        let type = Swift.type(of: configuration)
        for slot in Set(ModelFamily.all.flatMap(\.slots).filter { $0.network == type }.map(\.name)) {
            components[slot] = configuration
            written[slot] = object
        }
    }
}

extension JSONCursor {
    /// Diffusers' `_class_name`, or the first of transformers' `architectures`.
    func className() throws(IsomerError) -> String? {
        if let name = try optional("_class_name") { return try name.string() }
        return try optional("architectures")?.elements().first?.string()
    }
}
