public import IsomerBytes
import IsomerFormats
public import IsomerTensors

/// From one weight file to another: the container and the elements' types may change, every name stays.
///
/// Works for any file, known architecture or not.
public struct FileConversion: Hashable, Sendable {
    /// What to write.
    public var container: Container
    /// The type that floating tensors get; `nil` leaves all as they are. Integers, booleans and scale exponents stay what they are in any case.
    public var floatType: ScalarType?
    /// Metadata to set.
    public var metadata: FileMetadata = [:]
    /// Tensor bytes that no shard may exceed; `nil` for one file.
    public var shardBytes: UInt64?

    public init(to container: Container) {
        self.container = container
    }

    /// Plans the conversion of `file`.
    public func plan(_ file: WeightFile) throws(IsomerError) -> ConversionPlan {
        var planned: [PlannedTensor] = []
        planned.reserveCapacity(file.tensors.tensors.count)
        for (index, tensor) in file.tensors.tensors.enumerated() {
            let target = Self.isCast(tensor.scalarType) ? floatType ?? tensor.scalarType : tensor.scalarType
            let descriptor = try TensorDescriptor(name: tensor.name, scalarType: target, shape: tensor.shape)
            planned.append(PlannedTensor(descriptor, from: TensorReference(source: 0, index: index), of: tensor.scalarType))
        }
        var plan = ConversionPlan(
            sources: [file.source], shape: .file,
            files: [PlannedFile(container: container, tensors: planned, shardBytes: shardBytes)])
        plan.addRest(of: file.tensors)
        plan.files[0].hold(metadata(for: file, isSameData: planned.allSatisfy { !$0.isCast }, notes: &plan.notes))
        return plan
    }

    /// Whether tensors of this type follow `floatType`.
    static func isCast(_ type: ScalarType) -> Bool {
        type.kind == .float && type.isByteAligned && type != .f8e8m0
    }

    /// Keys whose values are sums of the tensors' bytes.
    static let hashKeys = ["sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256"]

    private func metadata(for file: WeightFile, isSameData: Bool, notes: inout [String]) -> FileMetadata {
        if case .torch(.stateDict, _) = container {
            let lost = file.tensors.metadata.keys.filter { $0 != "format" } + metadata.keys
            if !lost.isEmpty {
                notes.append(
                    "the metadata entries \(lost.joined(separator: ", ")) are left out: a bare PyTorch state dictionary has no place for them; "
                        + "a name that ends in .ckpt makes a file that has")
            }
            return [:]
        }
        var result = file.tensors.metadata
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
        if !(file.tensors is SafetensorsReader), result["format"] == nil { result["format"] = "pt" }
        for (key, value) in metadata { result[key] = value }
        return result
    }
}
