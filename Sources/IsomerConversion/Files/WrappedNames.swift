import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// Names that all stand below one path, because the network was a part of something else when it was saved: `module.` of a parallel trainer,
/// `_orig_mod.` of a compiled network, `state_dict.`, `diffusion_model.`, `unet.`.
enum WrappedNames {
    /// `source` without the path, if only so it has the names of something known; and what was decided.
    static func unwrapped(_ source: any TensorSource) throws(IsomerError) -> (tensors: any TensorSource, decision: Decision)? {
        guard let first = source.tensors.first?.name.utf8 else { return nil }
        var common = first.count
        for tensor in source.tensors.dropFirst() {
            common = min(common, zip(first, tensor.name.utf8).prefix { $0 == $1 }.count)
            if common == 0 { return nil }
        }
        // A path ends before a dot; what is left of the shortest name must be a name.
        var ends = first.prefix(common).indices.filter { first[$0] == UInt8(ascii: ".") }
        ends.removeAll { first.distance(from: first.startIndex, to: $0) + 1 >= common && source.tensors.count == 1 }
        guard !ends.isEmpty, !isKnown(source.tensors) else { return nil }
        for end in ends.prefix(4) {
            let prefix = String(decoding: first[...end], as: UTF8.self)
            let count = prefix.utf8.count
            var planned: [PlannedTensor] = []
            for (index, tensor) in source.tensors.enumerated() {
                guard let name = String(tensor.name.utf8.dropFirst(count)), !name.isEmpty else { return nil }
                var renamed = tensor
                renamed.name = name
                planned.append(PlannedTensor(renamed, from: TensorReference(source: 0, index: index), of: tensor.scalarType))
            }
            guard isKnown(planned.map(\.descriptor)) else { continue }
            let plan = ConversionPlan(
                sources: [ConversionPlan.Source("", source, files: source.files)], shape: .file,
                files: [PlannedFile(container: .safetensors, tensors: planned, metadata: source.metadata)])
            let decision = Decision("names", "without \(prefix)", because: "all names of the file begin so, and mean nothing with it")
            return (try PlannedTensorSource(plan), decision)
        }
        return nil
    }

    private static func isKnown(_ tensors: [TensorDescriptor]) -> Bool {
        let inventory = TensorInventory(tensors)
        return UnmappedArchitecture.found(in: inventory) != nil || ModelFamily.isPresent(in: inventory)
    }
}
