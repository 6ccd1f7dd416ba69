public import IsomerBytes
import IsomerFormats
import IsomerTensors
import IsomerTokenizers

extension ConversionPlan {
    /// The plan that writes a word which was added to a model back as a textual inversion, out of the plan for the model's Diffusers folder.
    ///
    /// A safetensors file gets `emb_params`, or `clip_l` and `clip_g` if two text encoders know the word; a `.pt` file what A1111 writes; a
    /// `.bin` file what diffusers does. Throws `mismatch` if no text encoder knows the word as an added one.
    public func taking(_ word: String, to destination: FilePath, container: Container, limits: Limits = Limits()) throws(IsomerError)
        -> ConversionPlan
    {
        let encoders = try EncoderVocabulary.all(of: self, limits: limits)
        let taken = try Self.knowing(word, encoders)
        let isWebUI = taken.count == 1 && destination.extension.map { ["pt", "pth"].contains($0.lowercased()) } ?? false
        let isDiffusers = taken.count == 1 && destination.extension?.lowercased() == "bin"
        var plan = ConversionPlan(sources: sources, shape: .file, files: [], decisions: [], notes: [])
        var tensors: [PlannedTensor] = []
        for (encoder, ids) in taken {
            let name = taken.count > 1 ? encoder.label : isWebUI ? "*" : isDiffusers ? word : "emb_params"
            let table = files[encoder.file].tensors[encoder.tensor]
            var pieces: [Piece] = []
            for id in ids {
                let start = Int(id) * encoder.width
                pieces += try table.pieces(for: start..<start + encoder.width) { reference in
                    sources[reference.source].tensors.tensors[reference.index].shape.elementCount
                }
            }
            let shape = try IsomerTensors.Shape(isDiffusers && ids.count == 1 ? [encoder.width] : [ids.count, encoder.width])
            tensors.append(
                PlannedTensor(
                    try TensorDescriptor(name: name, scalarType: table.descriptor.scalarType, shape: shape), pieces: pieces,
                    sourceType: table.sourceType))
            plan.notes.append("\(word) is \(ids.count == 1 ? "1 vector" : "\(ids.count) vectors") of \(encoder.name)")
        }
        plan.files = [Self.embeddingFile(tensors, of: word, container, isWebUI: isWebUI)]
        leaveModel(to: &plan)
        return plan
    }

    /// The text encoders whose tokenizers have `word` added, each with the ids of its vectors.
    private static func knowing(
        _ word: String, _ encoders: [EncoderVocabulary]
    ) throws(IsomerError) -> [(encoder: EncoderVocabulary, ids: [TokenID])] {
        var taken: [(encoder: EncoderVocabulary, ids: [TokenID])] = []
        for encoder in encoders {
            let ids = ids(of: word, in: encoder.tokenizer)
            if let last = ids.max(), last >= encoder.rows {
                throw IsomerError(
                    .mismatch, "the tokenizer has a token for which the text encoder has no vector", item: word,
                    expected: "\(encoder.rows) rows",
                    found: "id \(last)")
            }
            if !ids.isEmpty { taken.append((encoder, ids)) }
        }
        guard !taken.isEmpty else {
            let known = Set(encoders.flatMap { $0.tokenizer.addedTokens.filter { !$0.token.isSpecial }.map(\.token.content) })
            throw IsomerError(
                .mismatch,
                encoders.isEmpty ? "there is no text encoder with its tokenizer here" : "no tokenizer of this model has such a word added",
                item: word, found: known.isEmpty ? nil : "added are " + known.sorted().prefix(12).joined(separator: ", "))
        }
        return taken
    }

    /// The file that loaders of such a container expect.
    private static func embeddingFile(
        _ tensors: [PlannedTensor], of word: String, _ container: Container, isWebUI: Bool
    ) -> PlannedFile {
        var file = PlannedFile(container: container, tensors: tensors)
        switch container {
        case .torch(_, let legacy) where isWebUI:
            let entries = [TorchRoot.Entry("name", .string(word)), .init("step", .none), .init("sd_checkpoint", .none)]
            file.container = .torch(.nested(key: "string_to_param", entries: entries), legacy: legacy)
        case .torch(_, let legacy): file.container = .torch(.stateDict, legacy: legacy)
        case .safetensors: file.metadata = ["name": word]
        case .gguf: file.container = .gguf([GGUFKeyValue("name", .string(word))])
        }
        return file
    }

    /// Leaves to `plan`, which takes some tensors of this one, the sources that they are from; everything else of the model stays where it is.
    private func leaveModel(to plan: inout ConversionPlan) {
        let used = plan.files[0].tensors.flatMap(\.pieces).reduce(into: Set<TensorReference>()) { used, piece in
            if case .tensor(let reference, _) = piece { used.insert(reference) }
        }
        let kept = Set(used.map(\.source)).sorted()
        plan.sources = kept.map { sources[$0] }
        plan.files[0].tensors = plan.files[0].tensors.map { $0.moved(to: kept) }
        for (place, source) in plan.sources.enumerated() {
            for (index, tensor) in source.tensors.tensors.enumerated() {
                plan.setAside.append(
                    SetAside(
                        TensorReference(source: place, index: index), name: tensor.name, .ignored, because: "the model beside the word"))
            }
        }
    }

    /// The ids of `word`, `word_1`, …, if the first is an added token that is not special.
    private static func ids(of word: String, in tokenizer: Tokenizer) -> [TokenID] {
        let added = Dictionary(
            tokenizer.addedTokens.filter { !$0.token.isSpecial }.map { (ExactString($0.token.content), $0.id) },
            uniquingKeysWith: { first, _ in first })
        guard let first = added[ExactString(word)] else { return [] }
        var ids = [first]
        while let next = added[ExactString("\(word)_\(ids.count)")] { ids.append(next) }
        return ids
    }
}

extension PlannedTensor {
    /// The same with sources counted in `kept`.
    fileprivate func moved(to kept: [Int]) -> PlannedTensor {
        var moved = self
        moved.pieces = pieces.map { piece in
            guard case .tensor(let reference, let part) = piece, let place = kept.firstIndex(of: reference.source) else { return piece }
            return .tensor(TensorReference(source: place, index: reference.index), part)
        }
        return moved
    }
}
