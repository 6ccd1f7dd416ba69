internal import IsomerBytes
internal import IsomerTensors
internal import IsomerTokenizers

/// A text encoder of a planned Diffusers folder together with its tokenizer: what has to change in step when words are added.
struct EncoderVocabulary {
    /// Its folder: `text_encoder`.
    let name: String
    /// What textual inversions call it.
    let label: String
    /// Where its embedding table is in the plan.
    let file: Int
    let tensor: Int
    /// The table's extents.
    let rows: Int
    let width: Int
    /// Its tokenizer.
    let tokenizerName: String
    var tokenizer: Tokenizer

    /// The text encoders of a plan for a Diffusers folder that have a table of vectors and a tokenizer, in order.
    static func all(of plan: ConversionPlan, limits: Limits) throws(IsomerError) -> [EncoderVocabulary] {
        var found: [EncoderVocabulary] = []
        for (file, planned) in plan.files.enumerated() {
            guard let name = planned.path.components.first?.string, planned.path.components.count == 2, name.hasPrefix("text_encoder"),
                let tensor = planned.tensors.firstIndex(where: { Self.isTable($0.descriptor) })
            else { continue }
            let dimensions = planned.tensors[tensor].descriptor.shape.dimensions
            let tokenizerName = "tokenizer" + name.dropFirst("text_encoder".count)
            let files = plan.plainFiles.filter { $0.path.components.first?.string == tokenizerName }
                .compactMap { file in file.path.lastComponent.map { Tokenizer.File(name: $0.string, bytes: file.bytes) } }
            guard !files.isEmpty else { continue }
            let isT5 = planned.tensors[tensor].descriptor.name.hasSuffix("shared.weight")
            found.append(
                EncoderVocabulary(
                    name: name, label: isT5 ? "t5" : name.hasSuffix("_2") ? "clip_g" : "clip_l", file: file, tensor: tensor,
                    rows: dimensions[0], width: dimensions[1], tokenizerName: tokenizerName,
                    tokenizer: try TokenizerFile(files, path: FilePath(tokenizerName), limits: limits).tokenizer))
        }
        return found
    }

    private static func isTable(_ tensor: TensorDescriptor) -> Bool {
        tensor.shape.rank == 2 && ["token_embedding.weight", "shared.weight"].contains { tensor.name.hasSuffix($0) }
    }
}

extension PlannedTensor {
    /// The pieces that make up the elements in `range`.
    ///
    /// Throws `unsupported` where a piece is a transpose, which no embedding table is.
    func pieces(for range: Range<Int>, elementCount: (TensorReference) -> Int) throws(IsomerError) -> [Piece] {
        var result: [Piece] = []
        var start = 0
        for piece in pieces {
            let count: Int
            switch piece {
            case .constant(let bytes): count = bytes.count * 8 / descriptor.scalarType.bitCount
            case .tensor(let reference, .whole): count = elementCount(reference)
            case .tensor(_, .elements(let elements)): count = elements.count
            case .tensor(_, .transposed):
                throw IsomerError(.unsupported, "a transposed tensor's rows cannot be taken one by one", item: descriptor.name)
            }
            defer { start += count }
            let wanted = range.clamped(to: start..<start + count)
            guard !wanted.isEmpty else { continue }
            let local = wanted.lowerBound - start..<wanted.upperBound - start
            switch piece {
            case .constant(let bytes):
                let size = descriptor.scalarType.bitCount / 8
                result.append(.constant(Array(bytes[local.lowerBound * size..<local.upperBound * size])))
            case .tensor(let reference, .elements(let elements)):
                let first = elements.lowerBound + local.lowerBound
                result.append(.tensor(reference, .elements(first..<first + local.count)))
            case .tensor(let reference, _):
                result.append(.tensor(reference, local.count == count ? .whole : .elements(local)))
            }
        }
        return result
    }
}
