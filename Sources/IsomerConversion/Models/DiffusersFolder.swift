import IsomerArchitectures
import IsomerBytes
import IsomerMapping

/// A Diffusers folder on disk: what `model_index.json` names, and which files hold each component's weights.
///
/// A folder of a single component (a `config.json` beside weights) is read as a folder with that one component, which lies in the folder itself.
struct DiffusersFolder: Sendable {
    /// One entry of `model_index.json` whose folder is there.
    struct Component: Sendable {
        var name: String
        var library: String?
        var className: String?
        var path: FilePath
    }

    let path: FilePath
    /// `model_index.json`; `nil` for a folder of one component.
    let index: JSONObject?
    let pipeline: String?
    let components: [Component]
    /// Those that the index names and whose folders are not there.
    let missing: [Component]
    private let limits: Limits

    /// Reads the index and looks which folders are there. Names lead nowhere but directly into `path`.
    init(_ path: FilePath, limits: Limits) throws(IsomerError) {
        self.path = path
        self.limits = limits
        let indexPath = path.appending("model_index.json")
        guard try FileSystem.kind(of: indexPath) == .file else {
            let component = try DiffusersFolder.single(path, limits)
            index = nil
            pipeline = nil
            components = [component]
            missing = []
            return
        }
        let json = JSONCursor(try JSONValue(contentsOf: indexPath, dialect: .python, limits: limits), path: indexPath)
        index = try json.object()
        pipeline = try json.optional("_class_name")?.string()
        var components: [Component] = []
        var missing: [Component] = []
        for (key, value) in try json.members() where !key.hasPrefix("_") {
            guard case .array(let pair) = value.value, pair.count == 2, case .string(let className) = pair[1] else { continue }
            let folder: FilePath
            do { folder = path.appending(try FileSystem.safeComponent(key)) } catch { throw error.inFile(indexPath) }
            var library: String?
            if case .string(let name) = pair[0] { library = name }
            let component = Component(name: key, library: library, className: className, path: folder)
            if try FileSystem.kind(of: folder) == .folder { components.append(component) } else { missing.append(component) }
        }
        self.components = components
        self.missing = missing
    }

    /// Components that diffusers' pipelines do without. Its downloads leave out what the caller brings or does not want, these above all.
    /// Reference: diffusers 0.42.1, `_optional_components` of its Stable Diffusion and Flux pipelines, `DiffusionPipeline.download`.
    static let optional: Set<String> = ["safety_checker", "feature_extractor", "image_encoder"]

    /// What is to be said of components that are missing and not needed for `request`.
    ///
    /// Throws `mismatch` if one is needed.
    func notesOnMissing(for request: ConversionRequest) throws(IsomerError) -> [String] {
        let needed = missing.first { component in
            let isAsked = request.only.isEmpty || request.only.contains(component.name)
            return isAsked && !Self.optional.contains(component.name) && request.replacements[component.name] == nil
                && !request.allowedMissing.contains { $0.matches(component.name) }
        }
        if let needed {
            let flag = ModelFamily.all.contains { $0.slot(needed.name) != nil } ? needed.name.asFlag : nil
            throw IsomerError(
                .mismatch, "the folder of a component that model_index.json names is missing", path: path.appending("model_index.json"),
                item: needed.name, remedy: "get the folder again" + (flag.map { ", or give the component with --\($0) PATH" } ?? ""))
        }
        return missing.filter { request.replacements[$0.name] == nil }.map {
            "model_index.json names \($0.name), whose folder is not there"
        }
    }

    /// A folder with a `config.json` and no index.
    private static func single(_ path: FilePath, _ limits: Limits) throws(IsomerError) -> Component {
        let configPath = path.appending("config.json")
        guard try FileSystem.kind(of: configPath) == .file else {
            // Such as PEFT's: an adapter beside its own configuration.
            let weights = try FileSystem.entries(of: path).first { WeightFileName.isWeights($0.string) }
            throw IsomerError(
                .unsupported, "the folder holds neither a model_index.json nor a config.json", path: path,
                remedy: weights.map { "give the weights in it: \(path.appending($0).string)" }
                    ?? "give a Diffusers folder, a component's folder or a weight file")
        }
        let json = JSONCursor(try JSONValue(contentsOf: configPath, dialect: .python, limits: limits), path: configPath)
        let className = try json.className()
        guard let className, let type = Networks.type(of: className),
            let slot = DiffusersFolder.slot(for: type)
        else {
            if let known = className.flatMap(UnmappedArchitecture.named(class:)) {
                throw IsomerError(
                    .unsupported, "this is \(known.title), which is recognised but not converted: \(known.reason)", path: configPath)
            }
            throw IsomerError(.unsupported, "the configuration names no known network", path: configPath, found: className)
        }
        return Component(name: slot.name, library: nil, className: className, path: path)
    }

    /// The slot of a network that comes alone: that of the family which has nothing else, if there is one.
    private static func slot(for type: any NetworkConfiguration.Type) -> Slot? {
        let slots = ModelFamily.all.flatMap { family in family.slots.map { (isAlone: family.slots.count == 1, slot: $0) } }
        let fitting = slots.filter { $0.slot.network == type }
        return (fitting.first(where: \.isAlone) ?? fitting.first)?.slot
    }

    /// The `config.json` of a component, if it has one.
    func configuration(of component: Component) throws(IsomerError) -> JSONCursor? {
        let path = component.path.appending("config.json")
        guard try FileSystem.kind(of: path) == .file else { return nil }
        return JSONCursor(try JSONValue(contentsOf: path, dialect: .python, limits: limits), path: path)
    }

    /// The typed configuration of a component, if its class is a known network.
    func network(of component: Component) throws(IsomerError) -> (any NetworkConfiguration)? {
        guard let name = component.className, let type = Networks.type(of: name), let json = try configuration(of: component) else {
            return nil
        }
        return try type.init(json: json)
    }

    /// The `scheduler_config.json`, if there is one.
    func scheduler() throws(IsomerError) -> JSONCursor? {
        let path = path.appending("scheduler").appending("scheduler_config.json")
        guard try FileSystem.kind(of: path) == .file else { return nil }
        return JSONCursor(try JSONValue(contentsOf: path, dialect: .python, limits: limits), path: path)
    }

    /// The variant to read of a component: the one that was asked for, unless only other components have it.
    ///
    /// Reference: diffusers 0.42.1, pipelines/pipeline_utils.py `from_pretrained`, whose `model_variants` lists the folders that have it.
    func variant(of component: Component, asked: String?) throws(IsomerError) -> String? {
        func hasIt(_ component: Component) throws(IsomerError) -> Bool {
            try WeightFileName.all(in: FileSystem.entries(of: component.path).map(\.string)).contains { $0.variant == asked }
        }
        guard asked != nil, try !hasIt(component) else { return asked }
        for other in components where try hasIt(other) { return nil }
        return asked
    }

    /// The names of a component's weight files.
    func weightFiles(of component: Component) throws(IsomerError) -> [String] {
        try WeightFileName.all(in: FileSystem.entries(of: component.path).map(\.string)).map(\.name)
    }

    /// Every file of a component that is neither weights nor a program.
    func plainFiles(of component: Component) throws(IsomerError) -> [PlainFile] {
        var files: [PlainFile] = []
        for entry in try FileSystem.entries(of: component.path) where !entry.string.hasPrefix(".") {
            let path = component.path.appending(entry)
            guard try FileSystem.kind(of: path) == .file, !Companions.isLeft(entry) else { continue }
            files.append(
                PlainFile(path: FilePath(component.name).appending(entry), bytes: try ReadableFile(path).contents(limit: limits.jsonBytes)))
        }
        return files
    }

    /// What the folder says beside its weights.
    func hints() throws(IsomerError) -> ConfigurationHints {
        var hints = ConfigurationHints()
        hints.pipeline = pipeline
        hints.index = index
        for component in components {
            if let network = try network(of: component) {
                hints.components[component.name] = network
                hints.written[component.name] = try configuration(of: component)?.object()
            } else if component.name != "scheduler", index != nil, try weightFiles(of: component).isEmpty {
                // A component with weights of its own would be there without them, and no pipeline opens such a folder.
                hints.plainFiles += try plainFiles(of: component)
            }
        }
        if let scheduler = try scheduler() {
            hints.scheduler = try scheduler.object()
            hints.prediction = (try DiffusersFolder.prediction(scheduler), scheduler.path?.string ?? "")
        }
        return hints
    }

    /// What a scheduler's configuration says of the denoiser. Diffusers takes noise for granted where nothing is said.
    static func prediction(_ scheduler: JSONCursor) throws(IsomerError) -> Prediction {
        // These schedulers write prediction types that nothing reads, or none.
        let name = try scheduler.optional("_class_name")?.string() ?? ""
        if name.hasPrefix("FlowMatch") { return .flow }
        if name.hasPrefix("EDM") { return .edm }
        guard let field = try scheduler.optional("prediction_type") else { return .epsilon }
        let text = try field.string()
        guard let prediction = Prediction(rawValue: text) else {
            throw IsomerError(
                .unsupported, "the scheduler's prediction type is not known", path: scheduler.path, item: "prediction_type",
                expected: Prediction.allCases.map(\.rawValue).joined(separator: " or "), found: text)
        }
        return prediction
    }
}
