import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

extension Model {
    /// Adds the tensors of the extras file at `path`, if there is one, to what stands beside the components.
    mutating func readExtras(_ path: FilePath, limits: Limits) throws(IsomerError) {
        guard try FileSystem.kind(of: path) == .file else { return }
        let source = try ConversionPlan.Source("extras", opening: path, limits: limits)
        extras = try Extras(source.tensors.metadata, path, limits: limits)
        for (index, tensor) in source.tensors.tensors.enumerated() {
            beside.append(
                Beside(
                    TensorReference(source: sources.count, index: index), name: tensor.name, because: "kept from an earlier conversion"))
        }
        extrasSource = sources.count
        sources.append(source)
        notes.append("extras are taken from \(path.string)")
    }

    /// Puts back into a checkpoint what an earlier conversion kept aside from one.
    func restore(
        into planned: inout [PlannedTensor], _ request: ConversionRequest, used: inout Set<TensorReference>
    ) throws(IsomerError) {
        guard extras?.checkpoint != nil, let extrasSource, request.only.isEmpty else { return }
        let names = Set(planned.map { ExactString($0.descriptor.name) })
        for entry in beside
        where entry.tensor.source == extrasSource && !names.contains(ExactString(entry.name)) && !entry.name.contains("/") {
            let tensor = sources[extrasSource].tensors.tensors[entry.tensor.index]
            let descriptor = try TensorDescriptor(
                name: entry.name, scalarType: request.target(of: tensor.scalarType), shape: tensor.shape)
            planned.append(PlannedTensor(descriptor, from: entry.tensor, of: tensor.scalarType))
            used.insert(entry.tensor)
        }
    }

    /// Says of every source tensor that no planned file uses what becomes of it, and plans the extras file if the user wants one.
    func setAside(in plan: inout ConversionPlan, _ request: ConversionRequest, used: Set<TensorReference>) throws(IsomerError) {
        var used = used
        var kept: [PlannedTensor] = []
        var names: Set<ExactString> = []
        let partly = Set(
            plan.files.flatMap(\.tensors).flatMap(\.pieces).compactMap { piece in
                if case .tensor(let reference, .elements) = piece { reference } else { nil }
            })
        for entry in beside where !used.contains(entry.tensor) || entry.isPartlyUsed {
            if used.insert(entry.tensor).inserted, partly.contains(entry.tensor) {
                plan.setAside.append(SetAside(entry.tensor, name: entry.name, .merged, because: "some of its rows stand in the target"))
                continue
            }
            let tensor = sources[entry.tensor.source].tensors.tensors[entry.tensor.index]
            if request.keepsExtras, names.insert(ExactString(entry.name)).inserted {
                let descriptor = try TensorDescriptor(name: entry.name, scalarType: tensor.scalarType, shape: tensor.shape)
                kept.append(PlannedTensor(descriptor, from: entry.tensor, of: tensor.scalarType))
                plan.setAside.append(SetAside(entry.tensor, name: entry.name, .kept, because: entry.reason))
            } else {
                plan.setAside.append(
                    SetAside(entry.tensor, name: entry.name, entry.nature == .derivable ? .implied : .dropped, because: entry.reason))
            }
        }
        for (number, source) in sources.enumerated() {
            for (index, tensor) in source.tensors.tensors.enumerated() {
                let reference = TensorReference(source: number, index: index)
                guard !used.contains(reference) else { continue }
                plan.setAside.append(SetAside(reference, name: tensor.name, .dropped, because: "not asked for"))
            }
        }
        guard request.keepsExtras, let path = extrasPath(plan.shape, request) else { return }
        var extras = Extras()
        switch plan.shape {
        case .folder: extras.checkpoint = peculiarities
        case .file: (extras.files, extras.folder) = (folderFiles, folderPeculiarities)
        }
        guard !kept.isEmpty || extras.checkpoint != nil || !extras.files.isEmpty || extras.folder != nil else { return }
        plan.files.append(PlannedFile(path: path, container: .safetensors, tensors: kept, metadata: extras.metadata))
        plan.notes.append("\(kept.count) tensors without a place in the target are kept in \(path.string)")
    }

    private func extrasPath(_ shape: ConversionPlan.Shape, _ request: ConversionRequest) -> FilePath? {
        switch shape {
        case .folder: FilePath(Extras.folderFileName)
        case .file: request.destination?.lastComponent.map { FilePath(Extras.fileName(beside: $0)) }
        }
    }

    /// How this checkpoint differs from the one that would be planned for it; `nil` for a Diffusers folder.
    private var peculiarities: Extras.Checkpoint? {
        guard index == nil || checkpointMetadata != nil, let checkpointMetadata else { return nil }
        var result = Extras.Checkpoint()
        result.metadata = checkpointMetadata
        for (slot, component) in components {
            guard let placement = component.placement else { continue }
            // One that came alone would be written where its loaders look for it alone.
            if let usual = family.slot(slot)?.placements.first,
                components.count == 1 || usual.prefix != placement.prefix || usual.layout.name != placement.layout.name
            {
                result.placements[slot] = (placement.prefix, placement.layout.name)
            }
            for (name, dimensions) in component.oddShapes { result.shapes[name] = dimensions }
        }
        return result
    }

    /// How the weights of the folder that this model was read from, or once was in, differ from those that would be planned for it.
    private var folderPeculiarities: Extras.Folder? {
        guard checkpointMetadata == nil else { return extras?.folder }
        var result = Extras.Folder()
        for (slot, component) in components {
            guard let layout = component.placement?.layout else { continue }
            let today = Layouts.all.first { $0.network == component.slot.network }
            if layout.name != today?.name { result.layouts[slot] = layout.name }
            if !component.oddShapes.isEmpty { result.shapes[slot] = component.oddShapes }
            if let metadata = component.weightMetadata, metadata != Self.usualWeightMetadata { result.metadata[slot] = metadata }
        }
        return result == Extras.Folder() ? nil : result
    }

    /// The small files of the Diffusers folder that this model was read from; of a component's own folder its configuration.
    private var folderFiles: [PlainFile] {
        guard let index else {
            return components.values.compactMap(\.written).map { PlainFile(path: Extras.configurationName, json: $0) }
        }
        var files = [PlainFile(path: "model_index.json", json: index)]
        if let scheduler { files.append(PlainFile(path: FilePath("scheduler").appending("scheduler_config.json"), json: scheduler)) }
        for (slot, component) in components.sorted(by: { $0.key < $1.key }) {
            guard let written = component.written else { continue }
            files.append(PlainFile(path: FilePath(slot).appending("config.json"), json: written))
        }
        return files + plainFiles.filter { String(validating: $0.bytes, as: UTF8.self) != nil }
    }
}
