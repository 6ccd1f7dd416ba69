public import IsomerBytes
import IsomerFormats
public import IsomerTensors

/// From one weight file to another: the container and the elements' types may change, every name stays.
///
/// Works for any file, known architecture or not.
public struct FileConversion: Hashable, Sendable {
    /// What to write.
    public var container: Container
    /// The type that floating tensors and blocks get; `nil` leaves all as they are. Integers, booleans and scale exponents stay what they are in
    /// any case.
    public var floatType: ScalarType?
    /// Whether some tensors are to become blocks, or eight-bit floats with scales, once the plan is made.
    public var makesBlocks = false
    /// Whether what tools are known to break is mended.
    public var repairs = false
    /// Metadata to set.
    public var metadata: FileMetadata = [:]
    /// Tensor bytes that no shard may exceed; `nil` for one file.
    public var shardBytes: UInt64?

    public init(to container: Container) {
        self.container = container
    }

    /// Plans the conversion of `file`.
    public func plan(_ file: WeightFile) throws(IsomerError) -> ConversionPlan {
        var tensors = file.tensors
        var decisions: [Decision] = []
        var notes: [String] = []
        let unpacks = try unpack(&tensors, &decisions, &notes)
        if repairs {
            let mended = try Repairs(tensors)
            tensors = mended.tensors
            decisions += mended.decisions
            notes += mended.notes
        }
        var planned: [PlannedTensor] = []
        planned.reserveCapacity(tensors.tensors.count)
        for (index, tensor) in tensors.tensors.enumerated() {
            let target = Self.isCast(tensor.scalarType) ? floatType ?? tensor.scalarType : tensor.scalarType
            let descriptor = try TensorDescriptor(name: tensor.name, scalarType: target, shape: tensor.shape)
            planned.append(PlannedTensor(descriptor, from: TensorReference(source: 0, index: index), of: tensor.scalarType))
        }
        var plan = ConversionPlan(
            sources: [ConversionPlan.Source(file.path.string, tensors, files: file.files)], shape: .file,
            files: [PlannedFile(container: carrying(file), tensors: planned, shardBytes: shardBytes)])
        plan.decisions = decisions
        plan.notes = notes
        plan.addRest(of: file.tensors)
        plan.files[0].hold(
            metadata(for: file, tensors.metadata, isSameData: !unpacks && planned.allSatisfy { !$0.isCast }, notes: &plan.notes))
        return plan
    }

    /// Gives packed weights as the numbers they stand for where another type is asked for, or the container has no such tensors, and says so.
    /// Returns whether any became others.
    private func unpack(
        _ tensors: inout any TensorSource, _ decisions: inout [Decision], _ notes: inout [String]
    ) throws(IsomerError) -> Bool {
        var isGGUF = false
        if case .gguf = container { isGGUF = true }
        // A file that stays as it is need not be understood.
        guard isGGUF || floatType != nil || makesBlocks else {
            for kind in (try? PackedWeights(in: tensors))?.kinds ?? [] where kind.packing != .scaledFloats {
                notes.append("\(kind.count) weights stay in \(kind.title); --dtype TYPE unpacks them")
            }
            return false
        }
        var packed = try PackedWeights(in: tensors, as: floatType)
        try packed.refuseUnreadable(nil)
        // What is to become eight-bit floats with scales, and is, stays.
        if !isGGUF, floatType == nil { packed.leaveScaledFloats() }
        tensors = packed.unpacked
        decisions += packed.decisions(floatType)
        return !packed.kinds.isEmpty
    }

    /// The container, with the keys of a GGUF file if both are one.
    private func carrying(_ file: WeightFile) -> Container {
        guard case .gguf(let keyValues) = container, let reader = file.tensors as? GGUFReader else { return container }
        return .gguf(reader.keyValues.filter { !GGUFDescription.isLayoutKey($0.key) } + keyValues)
    }

    /// Whether tensors of this type follow `floatType`.
    static func isCast(_ type: ScalarType) -> Bool {
        type.kind == .block || type.kind == .float && type.isByteAligned && type != .f8e8m0
    }

    /// Keys whose values are sums of the tensors' bytes.
    static let hashKeys = ["sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256"]

    private func metadata(
        for file: WeightFile, _ carried: FileMetadata, isSameData: Bool, notes: inout [String]
    ) -> FileMetadata {
        if case .torch(.stateDict, _) = container {
            let lost = carried.keys.filter { $0 != "format" } + metadata.keys
            if !lost.isEmpty {
                notes.append(
                    "the metadata entries \(lost.joined(separator: ", ")) are left out: a bare PyTorch state dictionary has no place for them; "
                        + "a name that ends in .ckpt makes a file that has")
            }
            return [:]
        }
        var result = carried
        if let reader = file.tensors as? GGUFReader {
            if case .gguf = container {
                // The keys themselves are carried along.
                result = [:]
            } else {
                for key in GGUFDescription.ownKeys { result[key] = nil }
                let lost = reader.keyValues.filter { $0.value.text == nil }.map(\.key)
                if !lost.isEmpty { notes.append("the keys \(lost.joined(separator: ", ")) are left out: they are lists") }
            }
        }
        if !isSameData {
            let stale = Self.hashKeys.filter { result[$0] != nil }
            for key in stale { result[key] = nil }
            if !stale.isEmpty {
                notes.append(
                    "the metadata entries \(stale.joined(separator: ", ")) are left out: they are sums of bytes that change; "
                        + "`isomer metadata modelspec` makes new ones")
            }
        }
        // transformers refuses files that do not say so. A safetensors file that did not is left as it was.
        if case .safetensors = container, !(file.tensors is SafetensorsReader), result["format"] == nil { result["format"] = "pt" }
        for (key, value) in metadata { result[key] = value }
        return result
    }
}
