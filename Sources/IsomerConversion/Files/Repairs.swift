import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Mends what tools are known to have broken in checkpoints, and says what it mended.
///
/// - Position numbers that merging or halving turned to floats, or that are not 0, 1, 2, …: integers again.
/// - CLIP encoders saved without `text_model.`, which loaders of single files look for.
/// - OpenCLIP encoders without `logit_scale`, which some loaders demand: ln 100, its value in every published one.
/// - A `text_projection` stored the wrong way round, which nothing but its numbers tells.
/// - NaN and infinities are counted, and named; no value could take their place.
struct Repairs {
    /// The repaired tensors.
    private(set) var tensors: any TensorSource
    /// What every decision's subject begins with.
    static let subject = "repair:"
    /// What was mended.
    private(set) var decisions: [Decision] = []
    /// What could not be.
    private(set) var notes: [String] = []

    private let source: any TensorSource
    private let positions: TensorPositions

    /// Reads every tensor once, for what is not finite.
    init(_ source: any TensorSource, workers: Workers = Workers()) throws(IsomerError) {
        self.source = source
        tensors = source
        positions = TensorPositions(source.tensors)

        var planned: [PlannedTensor] = []
        var replaced: [SetAside] = []
        for (index, tensor) in source.tensors.enumerated() {
            let renamed = try TensorDescriptor(
                name: mendedName(tensor.name), scalarType: tensor.scalarType, shape: tensor.shape)
            if let numbers = try positionNumbers(index, renamed.name) {
                planned.append(numbers)
                replaced.append(
                    SetAside(TensorReference(source: 0, index: index), name: tensor.name, .implied, because: "position numbers made anew"))
            } else if try isTurned(index) {
                let (rows, columns) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
                let (wrong, right) = tensor.name.hasSuffix(".weight") ? ("rows", "columns") : ("columns", "rows")
                planned.append(
                    PlannedTensor(
                        renamed, pieces: [.tensor(TensorReference(source: 0, index: index), .transposed(rows: rows, columns: columns))],
                        sourceType: tensor.scalarType))
                note(
                    tensor.name, "is turned",
                    "the lengths of its \(wrong) go with the channels of the last norm, more than chance ever would, and those of its \(right) do not"
                )
            } else {
                planned.append(PlannedTensor(renamed, from: TensorReference(source: 0, index: index), of: tensor.scalarType))
            }
        }
        planned += try missingScales()
        try countOddNumbers(workers)
        let renamed = planned.count { positions[$0.descriptor.name] == nil && !$0.descriptor.name.hasSuffix("logit_scale") }
        if renamed > 0 { note("text_model.", "is put into \(renamed) names", "loaders of checkpoints look for it") }
        guard !decisions.isEmpty else { return }
        let plan = ConversionPlan(
            sources: [ConversionPlan.Source("", source, files: source.files)], shape: .file,
            files: [PlannedFile(container: .safetensors, tensors: planned, metadata: source.metadata)], setAside: replaced)
        try plan.check()
        tensors = try PlannedTensorSource(plan)
    }

    private mutating func note(_ subject: String, _ value: String, _ reason: String) {
        decisions.append(Decision("\(Self.subject) \(subject)", value, because: reason))
    }

    // MARK: Names

    private static let clipPrefixes = [
        "cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "text_encoders.clip_l.transformer.",
        "text_encoders.clip_g.transformer.",
    ]

    private func mendedName(_ name: String) -> String {
        guard let prefix = Self.clipPrefixes.first(where: name.hasPrefix) else { return name }
        let rest = name.dropFirst(prefix.count)
        guard ["embeddings.", "encoder.", "final_layer_norm."].contains(where: rest.hasPrefix) else { return name }
        let mended = prefix + "text_model." + rest
        return positions[mended] == nil ? mended : name
    }

    // MARK: Numbers

    /// Position numbers in the place of those that are broken; `nil` if this tensor is none or is whole.
    private mutating func positionNumbers(_ index: Int, _ name: String) throws(IsomerError) -> PlannedTensor? {
        let tensor = source.tensors[index]
        let count = tensor.shape.elementCount
        guard name == "position_ids" || name.hasSuffix(".position_ids"), (1...4096).contains(count),
            tensor.shape.dimensions.allSatisfy({ $0 == 1 || $0 == count })
        else { return nil }
        let wanted = (0..<count).flatMap { number in withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) } }
        let isInteger = tensor.scalarType.kind == .signed || tensor.scalarType.kind == .unsigned
        if isInteger {
            let found = try source.bytes(of: index)
            let size = tensor.scalarType.bitCount / 8
            let isWhole = (0..<count).allSatisfy { number in
                found[number * size..<(number + 1) * size].enumerated().allSatisfy { place, byte in
                    byte == UInt8(truncatingIfNeeded: place < 8 ? number >> (8 * place) : 0)
                }
            }
            if isWhole { return nil }
        }
        note(
            name, "becomes 0 … \(count - 1)",
            isInteger ? "its numbers were others" : "it was \(tensor.scalarType.rawValue), which merging or halving leaves")
        return PlannedTensor(
            try TensorDescriptor(name: name, scalarType: .i64, shape: tensor.shape), pieces: [.constant(wanted)], sourceType: .i64)
    }

    private static let openCLIPPrefixes = ["cond_stage_model.model.", "conditioner.embedders.0.model.", "conditioner.embedders.1.model."]

    private mutating func missingScales() throws(IsomerError) -> [PlannedTensor] {
        var made: [PlannedTensor] = []
        for prefix in Self.openCLIPPrefixes
        where positions[prefix + "ln_final.weight"] != nil && positions[prefix + "logit_scale"] == nil {
            let value: Float = 4.605_170_2
            made.append(
                PlannedTensor(
                    try TensorDescriptor(name: prefix + "logit_scale", scalarType: .f32, shape: .scalar),
                    pieces: [.constant(withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })], sourceType: .f32))
            note(prefix + "logit_scale", "is added as ln 100", "the encoder had none, and some loaders demand it")
        }
        return made
    }

    private mutating func countOddNumbers(_ workers: Workers) throws(IsomerError) {
        let floats = source.tensors.indices.filter { FileConversion.isCast(source.tensors[$0].scalarType) }
        for entry in try TensorSurvey(of: source, floats, bucketCount: 1, workers: workers).entries
        where entry.nanCount + entry.infinityCount > 0 {
            notes.append(
                "\(source.tensors[entry.index].name) holds \(entry.nanCount) NaN and \(entry.infinityCount) infinite values of "
                    + "\(entry.elementCount), which cannot be mended")
        }
    }

    // MARK: Orientation

    /// Whether a projection's inputs lie along the wrong axis.
    private func isTurned(_ index: Int) throws(IsomerError) -> Bool {
        let tensor = source.tensors[index]
        let isLinear = tensor.name.hasSuffix("text_projection.weight")
        guard isLinear || tensor.name.hasSuffix("text_projection"), tensor.shape.rank == 2, let width = tensor.shape.dimensions.first,
            tensor.shape.dimensions[1] == width, ProjectionOrientation.widths.contains(width)
        else { return false }
        let prefix = String(tensor.name.dropLast(isLinear ? "text_projection.weight".count : "text_projection".count))
        let norms = ["ln_final", "text_model.final_layer_norm", "final_layer_norm"]
        guard let norm = norms.first(where: { positions[prefix + $0 + ".weight"] != nil }),
            let gains = try channels(prefix + norm + ".weight", width)
        else { return false }
        let biases = try channels(prefix + norm + ".bias", width) ?? [Double](repeating: 0, count: width)
        var rows = [Double](repeating: 0, count: width)
        var columns = rows
        for row in 0..<width {
            guard let numbers = try values(index, row * width..<(row + 1) * width) else { return false }
            for (column, number) in numbers.enumerated() {
                rows[row] += number * number
                columns[column] += number * number
            }
        }
        let strengths = zip(gains, biases).map { gain, bias in gain * gain + bias * bias }
        // `x @ P` has its inputs along the rows' axis, a linear map along the columns'.
        return ProjectionOrientation.Evidence(strengths, right: isLinear ? columns : rows, wrong: isLinear ? rows : columns).isTurned
    }

    /// The numbers of a tensor of `width` finite ones.
    private func channels(_ name: String, _ width: Int) throws(IsomerError) -> [Double]? {
        guard let index = positions[name], source.tensors[index].shape.elementCount == width else { return nil }
        return try values(index, 0..<width)
    }

    private func values(_ index: Int, _ elements: Range<Int>) throws(IsomerError) -> [Double]? {
        let type = source.tensors[index].scalarType
        guard type.kind == .float, type.isByteAligned else { return nil }
        let buffer = FloatBuffer(count: elements.count)
        try source.floats(of: index, elements, into: buffer.values)
        let values = buffer.values.map(Double.init)
        return values.allSatisfy(\.isFinite) ? values : nil
    }
}
