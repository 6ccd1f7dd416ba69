public import IsomerBytes
import IsomerMapping
public import IsomerTensors

/// From a weight file to one without what only its training needed. Names stay, and so does everything that is not known to be superfluous.
public struct Pruning: Sendable {
    /// What to write.
    public var container: Container
    /// The type that floating tensors get; `nil` leaves all as they are.
    public var floatType: ScalarType?
    /// Whether the averaged copy (EMA) takes the place of the last weights.
    public var takesAverage = false
    /// Whether the averaged copy stays beside the last weights.
    public var keepsAverage = false
    /// Tensors to leave out besides.
    public var drops: [NamePattern] = []
    /// Tensors to keep whatever they are.
    public var keeps: [NamePattern] = []
    /// Metadata to set.
    public var metadata: FileMetadata = [:]
    /// Tensor bytes that no shard may exceed; `nil` for one file.
    public var shardBytes: UInt64?

    public init(to container: Container) {
        self.container = container
    }

    /// Plans what to keep of `file`, and says of every other tensor why not.
    ///
    /// Throws `mismatch` if the averaged copy is wanted and there is none, or not of every tensor; `usage` if a pattern matches nothing.
    public func plan(_ file: WeightFile) throws(IsomerError) -> ConversionPlan {
        var conversion = FileConversion(to: container)
        conversion.floatType = floatType
        conversion.metadata = metadata
        conversion.shardBytes = shardBytes
        var plan = try conversion.plan(file)
        // Not the file's own, if weights were unpacked.
        let tensors = plan.sources[0].tensors
        let average = Average(tensors.tensors)
        if takesAverage { try average.checkWhole(tensors, file.path) }
        try checkPatterns(tensors)
        var planned: [PlannedTensor] = []
        var explained: Set<String> = []
        var lonely: [String] = []
        for (index, tensor) in plan.files[0].tensors.enumerated() {
            let original = tensors.tensors[index]
            let reference = TensorReference(source: 0, index: index)
            let isKept = keeps.contains { $0.matches(original.name) }
            let reason = isKept ? nil : try superfluous(index, tensors, average)
            if let reason {
                plan.setAside.append(SetAside(reference, name: original.name, reason.isImplied ? .implied : .dropped, because: reason.text))
                continue
            }
            var tensor = tensor
            if takesAverage, let last = average.last[index] {
                let name = tensors.tensors[last].name
                tensor.descriptor = try TensorDescriptor(
                    name: name, scalarType: tensor.descriptor.scalarType, shape: tensors.tensors[last].shape)
            }
            if !isKept, average.last[index] == nil, original.name.hasPrefix(Average.prefix) { lonely.append(original.name) }
            if !isKept, let note = try explanation(index, tensors), explained.insert(note).inserted { plan.notes.append(note) }
            planned.append(tensor)
        }
        if !keepsAverage, let first = lonely.first {
            let more = lonely.count > 1 ? " and \(lonely.count - 1) more" : ""
            plan.notes.append("averaged weights that go with no other weights are kept: \(first)\(more)")
        }
        if takesAverage {
            // Where the last weights stood.
            let order = Dictionary(tensors.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
            planned.sort { (order[$0.descriptor.name] ?? 0) < (order[$1.descriptor.name] ?? 0) }
        }
        plan.files[0].tensors = planned
        guard !planned.isEmpty else {
            throw IsomerError(
                .mismatch, "nothing would be left of the file", path: file.path, remedy: "see `isomer inspect` for what is in it")
        }
        return plan
    }

    private func checkPatterns(_ tensors: any TensorSource) throws(IsomerError) {
        for pattern in drops + keeps where !tensors.tensors.contains(where: { pattern.matches($0.name) }) {
            throw IsomerError(
                .usage, "a pattern matches no tensor of the file", found: pattern.text,
                remedy: "see the names with `isomer inspect --tensors`")
        }
    }

    // MARK: What goes

    private struct Reason {
        var text: String
        var isImplied = false
    }

    private func superfluous(_ index: Int, _ tensors: any TensorSource, _ average: Average) throws(IsomerError) -> Reason? {
        let name = tensors.tensors[index].name
        if drops.contains(where: { $0.matches(name) }) { return Reason(text: "named by --drop") }
        if Average.bookkeeping.contains(name) { return keepsAverage ? nil : Reason(text: "bookkeeping of averaged weights") }
        if average.last[index] != nil {
            return takesAverage || keepsAverage ? nil : Reason(text: "averaged weights (--ema takes them instead of the last ones)")
        }
        if takesAverage, average.hasCopy.contains(index) { return Reason(text: "last weights, in favour of the averaged ones") }
        if Self.training.contains(where: name.hasPrefix) { return Reason(text: "training state") }
        if name == "alphas_cumprod" {
            return try isUsualSchedule(index, tensors)
                ? Reason(text: "the noise schedule, which is the usual one", isImplied: true) : nil
        }
        if ScheduleBuffers.names.contains(name) {
            return Reason(text: "the noise schedule, which the scheduler's configuration says", isImplied: true)
        }
        if let twin = try twin(of: index, tensors) { return Reason(text: "the same as \(twin)", isImplied: true) }
        return nil
    }

    /// How names of what only training needs begin.
    private static let training = [
        "lr_scheduler.", "first_stage_model.loss.", "loss.", "optimizer.", "optimizer_states.", "loops.", "callbacks.", "lr_schedulers.",
        "model_ema_optimizer.",
    ]

    /// Pairs of names for one tensor, the second of which loaders fill from the first.
    private static let twins = [("shared.weight", "encoder.embed_tokens.weight"), ("shared.weight", "decoder.embed_tokens.weight")]

    private func twin(of index: Int, _ tensors: any TensorSource) throws(IsomerError) -> String? {
        let tensor = tensors.tensors[index]
        for (first, second) in Self.twins where tensor.name == second || tensor.name.hasSuffix("." + second) {
            let name = String(tensor.name.dropLast(second.count)) + first
            guard let other = tensors.tensors.firstIndex(where: { $0.name == name }), tensors.tensors[other].shape == tensor.shape,
                tensors.tensors[other].scalarType == tensor.scalarType, try areEqual(index, other, tensors)
            else { continue }
            return name
        }
        return nil
    }

    private func areEqual(_ left: Int, _ right: Int, _ tensors: any TensorSource) throws(IsomerError) -> Bool {
        let count = tensors.tensors[left].byteCount
        let size = 1 << 20
        let buffers = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * size, alignment: 64)
        defer { buffers.deallocate() }
        for start in stride(from: 0, to: count, by: size) {
            let length = min(size, count - start)
            let a = UnsafeMutableRawBufferPointer(rebasing: buffers[..<length])
            let b = UnsafeMutableRawBufferPointer(rebasing: buffers[size..<size + length])
            try tensors.read(left, at: start, into: a)
            try tensors.read(right, at: start, into: b)
            guard firstDifference(UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b)) == nil else { return false }
        }
        return true
    }

    // MARK: What stays because it matters

    /// Why a tensor that looks superfluous is kept.
    private func explanation(_ index: Int, _ tensors: any TensorSource) throws(IsomerError) -> String? {
        let tensor = tensors.tensors[index]
        switch tensor.name {
        case "v_pred": return "v_pred is kept: it is what tells loaders that the model predicts velocity"
        case "ztsnr": return "ztsnr is kept: it is what tells loaders that the schedule ends in pure noise"
        case "edm_mean", "edm_std": return "\(tensor.name) is kept: the latents are normalised by it"
        case "edm_vpred.sigma_max", "edm_vpred.sigma_min":
            return "\(tensor.name) is kept: it is the range of noise that the model was trained for"
        case "alphas_cumprod":
            let last = try schedule(index, tensors)?.last
            return last.map { last in
                "alphas_cumprod is kept: it is not the usual schedule, and ends at \(last)\(last < 1e-4 ? ", pure noise" : "")"
            } ?? "alphas_cumprod is kept: it is no schedule of 1000 steps"
        case let name:
            let isTied = Self.twins.contains { first, second in
                name.hasSuffix(second) && tensors.tensors.contains { $0.name == String(name.dropLast(second.count)) + first }
            }
            return isTied ? "\(name) is kept: it is not the same as the tensor it is tied to" : nil
        }
    }

    private func schedule(_ index: Int, _ tensors: any TensorSource) throws(IsomerError) -> [Double]? {
        let tensor = tensors.tensors[index]
        guard tensor.shape.dimensions == [1000], tensor.scalarType.kind == .float, let cast = try? Cast(from: tensor.scalarType, to: .f64)
        else { return nil }
        let bytes = try tensors.bytes(of: index)
        var values = [Double](repeating: 0, count: 1000)
        _ = values.withUnsafeMutableBytes { target in bytes.withUnsafeBytes { try? cast.apply($0, target, elementCount: 1000) } }
        return values
    }

    /// Whether the products are those of Stable Diffusion's scaled linear schedule, as far as half precision tells.
    private func isUsualSchedule(_ index: Int, _ tensors: any TensorSource) throws(IsomerError) -> Bool {
        guard let values = try schedule(index, tensors) else { return false }
        var product = 1.0
        let (low, high) = (0.00085.squareRoot(), 0.012.squareRoot())
        for (step, value) in values.enumerated() {
            let root = low + (high - low) * Double(step) / 999
            product *= 1 - root * root
            guard abs(value - product) <= product * 2e-3 + 1e-6 else { return false }
        }
        return true
    }
}

/// Averaged weights by LitEma's names, which are those of the weights without their dots.
// Reference: CompVis/latent-diffusion, ldm/modules/ema.py.
private struct Average {
    /// For each averaged tensor the one it is the average of.
    private(set) var last: [Int: Int] = [:]
    /// The tensors that have an average.
    private(set) var hasCopy: Set<Int> = []

    /// How their names begin.
    static let prefix = "model_ema."
    static let bookkeeping: Set<String> = ["model_ema.decay", "model_ema.num_updates"]

    init(_ tensors: [TensorDescriptor]) {
        var names: [String: Int] = [:]
        for (index, tensor) in tensors.enumerated() where tensor.name.hasPrefix("model.") {
            names[String(tensor.name.dropFirst("model.".count).filter { $0 != "." })] = index
        }
        for (index, tensor) in tensors.enumerated() where tensor.name.hasPrefix(Self.prefix) {
            guard let other = names[String(tensor.name.dropFirst(Self.prefix.count))],
                tensors[other].shape.elementCount == tensor.shape.elementCount
            else { continue }
            last[index] = other
            hasCopy.insert(other)
        }
    }

    func checkWhole(_ tensors: any TensorSource, _ path: FilePath) throws(IsomerError) {
        guard !last.isEmpty else {
            throw IsomerError(.mismatch, "the file has no averaged (EMA) weights", path: path, remedy: "leave --ema away")
        }
        let lacking = tensors.tensors.enumerated().first { $1.name.hasPrefix("model.diffusion_model.") && !hasCopy.contains($0) }
        guard let lacking else { return }
        throw IsomerError(
            .mismatch, "the averaged weights are not whole: this tensor has none", path: path, item: lacking.element.name,
            remedy: "leave --ema away")
    }
}
