import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
import IsomerTensors
import IsomerTokenizers

extension Model {
    /// The plan that writes the model as a Diffusers folder that `DiffusionPipeline.from_pretrained` opens offline, or, if the request is for
    /// one component only, as that component's folder.
    ///
    /// - Throws: `undecided` if a configuration must say what nothing tells, `mismatch` if a component is missing.
    public func diffusersPlan(_ request: ConversionRequest) throws(IsomerError) -> ConversionPlan {
        var plan = ConversionPlan(sources: sources, shape: .folder, files: [], decisions: decisions, notes: notes)
        var used: Set<TensorReference> = []
        let chosen = family.slots.filter { request.only.isEmpty || request.only.contains($0.name) }
        if let stranger = request.only.sorted().first(where: { components[$0] == nil && family.slot($0) == nil }) {
            throw missing(stranger)
        }
        // The folder of a component alone is that component, not a folder that holds it.
        let isComponent = request.only.count == 1 || (isAlone && request.only.isEmpty)
        try refuseUnread(forFolder: !isComponent, request)
        for slot in chosen {
            guard let component = components[slot.name] else {
                if isComponent, !request.only.contains(slot.name) { continue }
                // A pipeline of another kind, such as one that is guided by a picture alone.
                if hasFolderIndex, index?[slot.name] == nil, request.only.isEmpty { continue }
                if slot.isOptional || isAbsentByIndex(slot.name), request.only.isEmpty {
                    plan.notes.append("there is no \(slot.name): diffusers opens the folder if it is handed \(absence(of: slot))")
                    continue
                }
                throw IsomerError(
                    .mismatch, "there is no \(slot.network.title) in this model, and a Diffusers folder needs one", item: slot.name,
                    remedy: "add it with --\(slot.name.asFlag) FILE, or convert one component with --component NAME")
            }
            let folder = isComponent ? FilePath() : FilePath(slot.name)
            let network = component.configuration.classIdentity
            let tensors = try folderTensors(of: component, request, used: &used)
            plan.files.append(
                PlannedFile(
                    path: folder.appending(network.library == "transformers" ? "model.safetensors" : "diffusion_pytorch_model.safetensors"),
                    container: .safetensors, tensors: tensors, metadata: weightMetadata(request, of: slot.name),
                    shardBytes: request.shardBytes))
            let (configuration, said) = try configurationFile(of: component, at: folder.appending("config.json"), for: tensors, request)
            plan.plainFiles.append(configuration)
            plan.decisions += said
            used.formUnion(component.references)
        }
        if !isComponent {
            try addScheduler(to: &plan)
            try addTokenizers(to: &plan)
            try addOtherComponents(to: &plan, request, used: &used)
            addCompanions(to: &plan, alone: false, request)
            addIndex(to: &plan)
        } else {
            addCompanions(to: &plan, alone: true, request)
        }
        try setAside(in: &plan, request, used: used)
        return plan
    }

    /// Whether the folder that the model was read from says of a component, a tokenizer or the scheduler that there is none.
    private func isAbsentByIndex(_ name: String) -> Bool { hasFolderIndex && index?[name] == [.null, .null] }

    /// What `from_pretrained` must be told of a component that is not there, and of its tokenizer.
    private func absence(of slot: Slot) -> String {
        let tokenizers = nearestMember?.tokenizers.filter { $0.encoder == slot.name } ?? []
        return ([slot.name] + tokenizers.map(\.folder)).map { $0 + "=None" }.joined(separator: " and ")
    }

    /// The plan that writes one component as one file in the canonical names.
    public func componentPlan(_ container: Container, _ request: ConversionRequest) throws(IsomerError) -> ConversionPlan {
        let chosen = components.values.filter { request.only.isEmpty || request.only.contains($0.slot.name) }
        guard chosen.count == 1, let component = chosen.first else {
            throw IsomerError(
                .usage, "a file in Diffusers' names holds one component", found: components.keys.sorted().joined(separator: ", "),
                remedy: "choose one with --component NAME")
        }
        try refuseUnread(forFolder: false, request)
        var plan = ConversionPlan(sources: sources, shape: .file, files: [], decisions: decisions, notes: notes)
        plan.files = [
            PlannedFile(
                container: container, tensors: try canonicalTensors(of: component, request), metadata: weightMetadata(request),
                shardBytes: request.shardBytes)
        ]
        try setAside(in: &plan, request, used: component.references)
        return plan
    }

    func canonicalTensors(of component: ModelComponent, _ request: ConversionRequest) throws(IsomerError) -> [PlannedTensor] {
        var planned: [PlannedTensor] = []
        for entry in try component.configuration.manifest().entries {
            guard let made = component.tensors[entry.name] else {
                if let implied = component.implied[entry.name] {
                    planned.append(try PlannedTensor(implied, name: entry.name, beside: request.target(of: component.scalarType)))
                }
                continue
            }
            let descriptor = try TensorDescriptor(name: entry.name, scalarType: request.target(of: made.scalarType), shape: entry.shape)
            planned.append(PlannedTensor(descriptor, pieces: made.pieces, sourceType: made.scalarType))
        }
        return planned
    }

    static let usualWeightMetadata: FileMetadata = ["format": "pt"]

    /// The metadata of a weight file; of a component's that was in a folder before and comes back as it was, its own.
    private func weightMetadata(_ request: ConversionRequest, of slot: String? = nil) -> FileMetadata {
        var metadata = slot.flatMap { request.scalarType == nil ? restoredFolder?.metadata[$0] : nil } ?? Self.usualWeightMetadata
        for (key, value) in request.metadata { metadata[key] = value }
        return metadata
    }

    private func addScheduler(to plan: inout ConversionPlan) throws(IsomerError) {
        guard !isAbsentByIndex("scheduler"), var object = scheduler ?? nearestMember?.scheduler else { return }
        guard let prediction else {
            throw IsomerError(
                .undecided, "nothing tells what this \(family.title) model predicts: noise or velocity",
                remedy: "say it with --prediction-type epsilon or --prediction-type v_prediction")
        }
        let written = try DiffusersFolder.prediction(JSONCursor(.object(object)))
        if written.rawValue != prediction.value {
            let ofNoise: [Prediction] = [.epsilon, .velocity, .sample]
            guard ofNoise.contains(written), ofNoise.contains(where: { $0.rawValue == prediction.value }) else {
                // A schedule of noise is none of flow: nothing but another configuration helps.
                throw IsomerError(
                    .mismatch, "the scheduler does not fit what the model predicts", item: "scheduler", expected: prediction.value,
                    found: written.rawValue, remedy: "give the model's Diffusers folder with --config, or say --prediction-type")
            }
            object["prediction_type"] = .string(prediction.value)
            // A schedule that only ever reckons with noise would fail at its first step.
            if prediction.value == Prediction.sample.rawValue, object["_class_name"] == "PNDMScheduler" {
                object["_class_name"] = "DDIMScheduler"
                object["skip_prk_steps"] = nil
            }
        }
        if beside.contains(where: { $0.name == "ztsnr" }), object["rescale_betas_zero_snr"] != .bool(true) {
            object["rescale_betas_zero_snr"] = true
            object["timestep_spacing"] = "trailing"
        }
        plan.decisions.append(prediction)
        plan.plainFiles.append(PlainFile(path: FilePath("scheduler").appending("scheduler_config.json"), json: object))
    }

    private func addTokenizers(to plan: inout ConversionPlan) throws(IsomerError) {
        let taken = Set(plainFiles.compactMap { $0.path.components.first?.string })
        plan.plainFiles += plainFiles
        for tokenizer in nearestMember?.tokenizers ?? [] where !taken.contains(tokenizer.folder) && !isAbsentByIndex(tokenizer.folder) {
            guard let encoder = components[tokenizer.encoder]?.configuration else { continue }
            if let missing = Model.vocabularyMissing(encoder, tokenizer) { throw missing }
            for (name, bytes) in try tokenizer.kind.files() {
                plan.plainFiles.append(PlainFile(path: FilePath(tokenizer.folder).appending(name), bytes: bytes))
            }
        }
    }

    /// A text encoder with fewer tokens than the published vocabulary has another tokenizer, which only its folder has.
    private static func vocabularyMissing(_ encoder: any NetworkConfiguration, _ tokenizer: MemberTokenizer) -> IsomerError? {
        let (there, needed) =
            switch encoder {
            case let text as CLIPTextConfiguration: (text.vocabularySize, CLIPVocabulary.count)
            case let text as T5EncoderConfiguration: (text.vocabularySize, T5Vocabulary.count)
            default: (0, 0)
            }
        guard there < needed else { return nil }
        return IsomerError(
            .undecided, "the text encoder's vocabulary is not the published one, and a Diffusers folder needs its tokenizer",
            item: tokenizer.folder, expected: "\(needed) tokens", found: "\(there)",
            remedy: "give a Diffusers folder that has the tokenizer with --config")
    }

    /// Components without a slot go over as they are: their weights, file by file, keep their names.
    private func addOtherComponents(
        to plan: inout ConversionPlan, _ request: ConversionRequest, used: inout Set<TensorReference>
    ) throws(IsomerError) {
        var byFolder: [(folder: String, source: Int, tensors: [PlannedTensor])] = []
        for entry in beside {
            guard let (folder, name) = placeAmongOthers(entry) else { continue }
            let tensor = sources[entry.tensor.source].tensors.tensors[entry.tensor.index]
            let descriptor = try TensorDescriptor(
                name: name,
                scalarType: sources[entry.tensor.source].packing.isEmpty ? request.target(of: tensor.scalarType) : tensor.scalarType,
                shape: tensor.shape)
            if byFolder.last?.folder != folder { byFolder.append((folder, entry.tensor.source, [])) }
            byFolder[byFolder.count - 1].tensors.append(PlannedTensor(descriptor, from: entry.tensor, of: tensor.scalarType))
            used.insert(entry.tensor)
        }
        for (folder, source, tensors) in byFolder {
            // Whose class it is decides which name is opened, and pipelines have classes of their own of either kind.
            let name = sources[source].files.first?.path.lastComponent?.string ?? ""
            let isDiffusers = name.hasPrefix(Self.diffusersStem) || index?[folder].map(Model.isDiffusers) ?? false
            let stem = isDiffusers ? Self.diffusersStem : "model"
            plan.files.append(
                PlannedFile(
                    path: FilePath(folder).appending(stem + ".safetensors"), container: .safetensors, tensors: tensors,
                    metadata: weightMetadata(request), shardBytes: request.shardBytes))
            if request.scalarType != nil { nameType(of: tensors, in: folder, &plan) }
        }
    }

    private static let diffusersStem = "diffusion_pytorch_model"

    private static func isDiffusers(_ entry: JSONValue) -> Bool {
        guard case .array(let pair) = entry else { return false }
        return pair.first == .string("diffusers") || pair.last == .string("StableUnCLIPImageNormalizer")
    }

    private func addIndex(to plan: inout ConversionPlan) {
        if pipeline == nil, likelyMember == nil, let nearest = nearestMember {
            let reason =
                asked != nil
                ? "--architecture names \(nearest.title)"
                : hasInterface(of: nearest)
                    ? "as many channels go in and out as in \(nearest.title)" : "no published model has as many channels in and out"
            plan.decisions.append(Decision("pipeline", nearest.pipeline, because: reason, flag: "--config FOLDER"))
        }
        let folders = Set((plan.files.map(\.path) + plan.plainFiles.map(\.path)).compactMap { $0.components.first?.string })
        var object: JSONObject = [
            "_class_name": .string(pipeline ?? nearestMember?.pipeline ?? "DiffusionPipeline"),
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
        ]
        for (key, value) in index ?? [:] {
            // What was a component there and is not here is written as Diffusers writes one that is absent.
            if case .array(let pair) = value, pair.count == 2, !folders.contains(key) {
                object[key] = [.null, .null]
            } else {
                object[key] = value
            }
        }
        if index == nil {
            let member = nearestMember
            for (key, value) in member?.indexEntries ?? [:] { object[key] = value }
            for slot in family.slots where slot.isOptional { object[slot.name] = [.null, .null] }
            for tokenizer in member?.tokenizers ?? [] {
                object[tokenizer.folder] =
                    folders.contains(tokenizer.folder) ? ["transformers", .string(tokenizer.className)] : [.null, .null]
            }
        }
        for slot in family.slots {
            guard let component = components[slot.name] else { continue }
            let network = component.configuration.classIdentity
            object[slot.name] = [.string(network.library), .string(network.name)]
        }
        if let file = plan.plainFiles.first(where: { $0.path.string == "scheduler/scheduler_config.json" }),
            case .object(let scheduler)? = try? JSONValue(parsing: file.bytes), let name = scheduler["_class_name"]
        {
            object["scheduler"] = ["diffusers", name]
        }
        plan.plainFiles.append(PlainFile(path: "model_index.json", json: object, sortsKeys: true))
    }
}

extension MemberTokenizer.Kind {
    /// The files of its folder.
    fileprivate func files() throws(IsomerError) -> [(name: String, bytes: [UInt8])] {
        switch self {
        case .clip(let padding):
            try CLIPTokenizerFiles.files(padding: padding == "!" ? .exclamation : .endOfText).map { ($0.name, $0.bytes) }
        case .t5: try T5TokenizerFiles.files().map { ($0.name, $0.bytes) }
        }
    }
}

extension PlainFile {
    /// A JSON file as diffusers and transformers write theirs.
    init(path: FilePath, json: JSONObject, sortsKeys: Bool = false) {
        let writer = JSONWriter(style: .pretty(indent: 2), sortsKeys: sortsKeys, escapesNonASCII: true, numbers: .asPython)
        self.init(path: path, bytes: writer.bytes(.object(json)) + [UInt8(ascii: "\n")])
    }
}

extension String {
    /// `text_encoder` as a flag is spelt.
    var asFlag: String { String(map { $0 == "_" ? "-" : $0 }) }
}
