import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
public import IsomerTensors

extension Model {
    /// All components as one source in the canonical naming, each tensor called `component/name`: two models that hold the same weights are
    /// equal here, whatever arrangement each is in.
    ///
    /// - Parameter withOthers: whether components without a slot, which only folders have, come along as they are.
    public func canonicalTensors(withOthers: Bool = false) throws(IsomerError) -> any TensorSource {
        var planned: [PlannedTensor] = []
        for slot in family.slots {
            guard let component = components[slot.name] else { continue }
            for entry in try component.slot.written(component.configuration).manifest().entries {
                guard let made = component.tensors[entry.name] else { continue }
                let descriptor = try TensorDescriptor(name: "\(slot.name)/\(entry.name)", scalarType: made.scalarType, shape: entry.shape)
                planned.append(PlannedTensor(descriptor, pieces: made.pieces, sourceType: made.scalarType))
            }
        }
        if withOthers { try refuseUnread() }
        for entry in withOthers ? others : [] {
            let tensor = sources[entry.tensor.source].tensors.tensors[entry.tensor.index]
            let descriptor = try TensorDescriptor(name: entry.name, scalarType: tensor.scalarType, shape: tensor.shape)
            planned.append(PlannedTensor(descriptor, from: entry.tensor, of: tensor.scalarType))
        }
        return try PlannedTensorSource(
            ConversionPlan(sources: sources, shape: .file, files: [PlannedFile(container: .safetensors, tensors: planned)]))
    }

    /// The tensors of a folder's components without a slot, a safety checker's say, called `component/name`.
    public var others: [Beside] {
        guard hasFolderIndex else { return [] }
        return beside.filter { $0.tensor.source != extrasSource && placeAmongOthers($0) != nil }
    }

    /// The folder and the name there of a tensor `component/name`, if that component is one without a slot: what stands beside a slot's component
    /// is not a component.
    func placeAmongOthers(_ entry: Beside) -> (folder: String, name: String)? {
        guard let slash = entry.name.firstIndex(of: "/") else { return nil }
        let folder = String(entry.name[..<slash])
        guard case .array? = index?[folder], components[folder] == nil else { return nil }
        return (folder, String(entry.name[entry.name.index(after: slash)...]))
    }
}
