public import IsomerBytes
import IsomerFormats
import IsomerTensors

/// From one arrangement of a textual inversion to another; the vectors keep their bits.
public struct EmbeddingConversion: Sendable {
    /// The arrangement to write; `nil` for what the container's users expect.
    public var arrangement: TextualInversion.Arrangement?
    public var container: Container
    /// What stands for the vectors in prompts; `nil` for what the file says.
    public var token: String?
    /// Where it goes.
    public var destination: FilePath

    public init(to container: Container, at destination: FilePath) {
        self.container = container
        self.destination = destination
    }

    /// Plans the conversion.
    ///
    /// Throws `unsupported` for several words, or vectors for several text encoders, where the arrangement has room for one.
    public func plan(_ inversion: TextualInversion) throws(IsomerError) -> ConversionPlan {
        let arrangement = arrangement ?? usual(for: inversion)
        guard let word = inversion.words.first, inversion.words.count == 1 || arrangement == .diffusers else {
            throw IsomerError(
                .unsupported, "this arrangement has room for one word", path: inversion.path, found: "\(inversion.words.count) words",
                remedy: "choose a destination that ends in .bin, or --layout diffusers")
        }
        let (sources, tensors) = try vectors(of: inversion, arrangement)
        var plan = ConversionPlan(sources: sources, shape: .file, files: [])
        var file = PlannedFile(container: container, tensors: tensors)
        describe(&file, inversion, arrangement, token: token ?? word.token(in: inversion.path))
        plan.files = [file]
        let used = Set(tensors.flatMap(\.pieces).compactMap { if case .tensor(let reference, _) = $0 { reference } else { nil } })
        for (place, source) in sources.enumerated() {
            for (index, tensor) in source.tensors.tensors.enumerated() where !used.contains(TensorReference(source: place, index: index)) {
                plan.setAside.append(
                    SetAside(
                        TensorReference(source: place, index: index), name: tensor.name, .dropped, because: "no vector: training state"))
            }
        }
        plan.decisions.append(
            Decision("arrangement", arrangement.rawValue, because: "its loaders expect it in such a file", flag: "--layout NAME"))
        return plan
    }

    /// Every vector of `inversion` as the arrangement names and shapes it, and the sources that they are in.
    private func vectors(
        of inversion: TextualInversion, _ arrangement: TextualInversion.Arrangement
    ) throws(IsomerError) -> (sources: [ConversionPlan.Source], tensors: [PlannedTensor]) {
        var sources: [ConversionPlan.Source] = []
        var tensors: [PlannedTensor] = []
        for word in inversion.words {
            guard word.vectors.count == 1 || arrangement == .perEncoder else {
                throw IsomerError(
                    .unsupported, "this arrangement has room for one text encoder's vectors", path: inversion.path,
                    found: word.vectors.map(\.name).joined(separator: " and "), remedy: "choose --layout sdxl")
            }
            for vectors in word.vectors {
                let place: Int
                if let known = sources.firstIndex(where: { $0.tensors === vectors.source }) {
                    place = known
                } else {
                    place = sources.count
                    sources.append(ConversionPlan.Source(inversion.path.string, vectors.source, files: vectors.source.files))
                }
                let name = try name(of: vectors, word, arrangement, in: inversion)
                let isFlat = arrangement == .diffusers && vectors.count == 1
                let shape = try IsomerTensors.Shape(isFlat ? [vectors.width] : [vectors.count, vectors.width])
                tensors.append(
                    PlannedTensor(
                        try TensorDescriptor(name: name, scalarType: vectors.scalarType, shape: shape),
                        from: TensorReference(source: place, index: vectors.index), of: vectors.scalarType))
            }
        }
        return (sources, tensors)
    }

    /// Puts into `file` what the arrangement says beside the vectors.
    private func describe(
        _ file: inout PlannedFile, _ inversion: TextualInversion, _ arrangement: TextualInversion.Arrangement, token: String?
    ) {
        switch container {
        case .torch(_, let legacy) where arrangement == .webUI:
            func text(_ key: String) -> TorchValue { inversion.metadata[key].map(TorchValue.string) ?? .none }
            file.container = .torch(
                .nested(
                    key: "string_to_param",
                    entries: [
                        TorchRoot.Entry("name", token.map(TorchValue.string) ?? .none),
                        .init("step", inversion.metadata["step"].flatMap { Int($0) }.map(TorchValue.integer) ?? .none),
                        .init("sd_checkpoint", text("sd_checkpoint")), .init("sd_checkpoint_name", text("sd_checkpoint_name")),
                    ]), legacy: legacy)
        case .torch(_, let legacy): file.container = .torch(.stateDict, legacy: legacy)
        default:
            var metadata = inversion.metadata
            if arrangement != .diffusers, let token { metadata["name"] = token }
            file.metadata = metadata
        }
    }

    /// A picture that holds the vectors, as the web UI's users pass them on.
    public func picture(_ inversion: TextualInversion) throws(IsomerError) -> [UInt8] {
        guard inversion.words.count == 1, let word = inversion.words.first, word.vectors.count == 1 else {
            throw IsomerError(.unsupported, "a picture has room for one word of one text encoder", path: inversion.path)
        }
        guard let name = token ?? word.token(in: inversion.path) else {
            throw IsomerError(.usage, "nothing tells what stands for the vectors in prompts", path: inversion.path)
        }
        return try PictureEmbedding.picture(word: name, word.vectors[0], metadata: inversion.metadata)
    }

    private func usual(for inversion: TextualInversion) -> TextualInversion.Arrangement {
        if inversion.words.count > 1 { return .diffusers }
        if (inversion.words.first?.vectors.count ?? 1) > 1 { return .perEncoder }
        guard case .torch = container else { return .embeddingParameters }
        return destination.extension?.lowercased() == "bin" ? .diffusers : .webUI
    }

    private func name(
        of vectors: TextualInversion.Vectors, _ word: TextualInversion.Word, _ arrangement: TextualInversion.Arrangement,
        in inversion: TextualInversion
    ) throws(IsomerError) -> String {
        switch arrangement {
        case .webUI:
            if case .torch = container { return "*" }
            return "string_to_param.*"
        case .embeddingParameters: return "emb_params"
        case .perEncoder:
            if let encoder = vectors.encoder { return encoder }
            guard let encoder = [768: "clip_l", 1280: "clip_g"][vectors.width] else {
                throw IsomerError(
                    .undecided, "nothing tells which text encoder the vectors are for", path: inversion.path,
                    found: "width \(vectors.width)")
            }
            return encoder
        case .diffusers:
            guard let token = token ?? word.token(in: inversion.path) else {
                throw IsomerError(.usage, "nothing tells what stands for the vectors in prompts", path: inversion.path)
            }
            return token
        }
    }
}
