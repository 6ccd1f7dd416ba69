import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
public import IsomerTensors

extension Model {
    /// All components as one source in the canonical naming, each tensor called `component/name`: two models that hold the same weights are
    /// equal here, whatever arrangement each is in.
    public func canonicalTensors() throws(IsomerError) -> any TensorSource {
        var planned: [PlannedTensor] = []
        for slot in family.slots {
            guard let component = components[slot.name] else { continue }
            for entry in try component.slot.written(component.configuration).manifest().entries {
                guard let made = component.tensors[entry.name] else { continue }
                let descriptor = try TensorDescriptor(name: "\(slot.name)/\(entry.name)", scalarType: made.scalarType, shape: entry.shape)
                planned.append(PlannedTensor(descriptor, pieces: made.pieces, sourceType: made.scalarType))
            }
        }
        return try PlannedTensorSource(
            ConversionPlan(sources: sources, shape: .file, files: [PlannedFile(container: .safetensors, tensors: planned)]))
    }
}
