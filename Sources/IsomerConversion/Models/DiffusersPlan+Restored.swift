import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

extension Model {
    /// How the folder was whose weights come back from a file.
    var restoredFolder: Extras.Folder? { checkpointMetadata == nil ? nil : extras?.folder }

    /// Every tensor of a component's weights in a folder: in the canonical names, or as an earlier conversion found them in a folder.
    func folderTensors(
        of component: ModelComponent, _ request: ConversionRequest, used: inout Set<TensorReference>
    ) throws(IsomerError) -> [PlannedTensor] {
        let slot = component.slot
        var planned: [PlannedTensor]
        // A component from elsewhere never was in that folder.
        if let name = restoredFolder?.layouts[slot.name], component.placement != nil,
            let layout = Layouts.all.first(where: { $0.network == slot.network && $0.name == name })
        {
            planned = try tensors(of: component, as: Placement("", layout), request)
        } else {
            planned = try canonicalTensors(of: component, request)
        }
        for (name, dimensions) in restoredFolder?.shapes[slot.name] ?? [:] {
            guard let place = planned.firstIndex(where: { $0.descriptor.name == name }), let shape = try? Shape(dimensions),
                shape.elementCount == planned[place].descriptor.shape.elementCount
            else { continue }
            let tensor = planned[place].descriptor
            planned[place].descriptor = try TensorDescriptor(name: name, scalarType: tensor.scalarType, shape: shape)
        }
        try restore(besides: component, into: &planned, request, used: &used)
        return planned
    }

    /// Puts back what stood beside a component in its folder.
    private func restore(
        besides component: ModelComponent, into planned: inout [PlannedTensor], _ request: ConversionRequest,
        used: inout Set<TensorReference>
    ) throws(IsomerError) {
        guard checkpointMetadata != nil, let extrasSource, component.placement != nil else { return }
        let prefix = component.slot.name + "/"
        var names = Set(planned.map { ExactString($0.descriptor.name) })
        for entry in beside where entry.tensor.source == extrasSource && entry.name.utf8.starts(with: prefix.utf8) {
            let name = String(entry.name.utf8.dropFirst(prefix.utf8.count)) ?? entry.name
            guard names.insert(ExactString(name)).inserted else { continue }
            let tensor = sources[extrasSource].tensors.tensors[entry.tensor.index]
            let descriptor = try TensorDescriptor(name: name, scalarType: request.target(of: tensor.scalarType), shape: tensor.shape)
            planned.append(PlannedTensor(descriptor, from: entry.tensor, of: tensor.scalarType))
            used.insert(entry.tensor)
        }
    }
}
