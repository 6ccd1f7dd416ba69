import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// The plan that writes the model as one checkpoint in its family's original layout.
    ///
    /// - Throws: `mismatch` if a component that the user named is not there, `unsupported` if two tensors would have to be joined that cannot be.
    public func checkpointPlan(_ container: Container, _ request: ConversionRequest) throws(IsomerError) -> ConversionPlan {
        let restored = extras?.checkpoint
        var planned: [PlannedTensor] = []
        var used: Set<TensorReference> = []
        for slot in family.slots where request.only.isEmpty || request.only.contains(slot.name) {
            guard let component = components[slot.name] else {
                if request.only.contains(slot.name) { throw missing(slot.name) }
                continue
            }
            let placement = restored?.placement(of: slot) ?? slot.placements[0]
            // A VAE in a file of its own has no prefix; other components keep the one that loaders look for.
            let isAlone = request.only == ["vae"] && slot.name == "vae"
            for tensor in try tensors(of: component, as: isAlone ? Placement("", placement.layout) : placement, request) {
                var tensor = tensor
                if let dimensions = restored?.shapes[tensor.descriptor.name], let shape = try? Shape(dimensions),
                    shape.elementCount == tensor.descriptor.shape.elementCount
                {
                    tensor.descriptor = try TensorDescriptor(
                        name: tensor.descriptor.name, scalarType: tensor.descriptor.scalarType, shape: shape)
                }
                planned.append(tensor)
            }
            used.formUnion(component.references)
        }
        guard !planned.isEmpty else { throw missing(request.only.sorted().first ?? "unet") }

        var plan = ConversionPlan(sources: sources, shape: .file, files: [], decisions: decisions, notes: notes)
        if let prediction { plan.decisions.append(prediction) }
        try restore(into: &planned, request, used: &used)
        let names = Set(planned.map(\.descriptor.name))
        for slot in family.slots {
            guard let component = components[slot.name], request.only.isEmpty || request.only.contains(slot.name), restored == nil else {
                continue
            }
            for tensor in slot.generated(component.configuration) {
                let name = (request.only == ["vae"] ? "" : slot.placements[0].prefix) + tensor.name
                guard !names.contains(name) else { continue }
                planned.append(try PlannedTensor(tensor, name: name))
            }
        }
        // A checkpoint that was one before gets its own metadata back, nothing else.
        var metadata = restored?.metadata ?? specifiedMetadata
        for (key, value) in request.metadata { metadata[key] = value }
        plan.files = [PlannedFile(container: container, tensors: planned, shardBytes: request.shardBytes)]
        plan.files[0].hold(metadata)
        try setAside(in: &plan, request, used: used)
        return plan
    }

    private func missing(_ slot: String) -> IsomerError {
        IsomerError(
            .mismatch, "the model has no such component", item: slot, found: components.keys.sorted().joined(separator: ", "))
    }

    /// Every tensor of a component in another layout, cast as the request wants.
    func tensors(of component: ModelComponent, as placement: Placement, _ request: ConversionRequest) throws(IsomerError) -> [PlannedTensor]
    {
        var planned: [PlannedTensor] = []
        for item in try placement.layout.expansion(of: component.slot.written(component.configuration)).items {
            let name = placement.name(of: item.name)
            do throws(IsomerError) {
                var parts: [TensorExpression] = []
                for part in item.parts {
                    guard let found = component.tensors[part.name] else { continue }
                    parts.append(found.reshaped(part.shape))
                }
                if parts.count < item.parts.count {
                    // Only tensors that the user allowed to be missing get here; a joined tensor cannot lack a part.
                    guard parts.isEmpty else { throw IsomerError(.mismatch, "a part of a joined tensor is missing") }
                    continue
                }
                let made = try item.transform.other(of: parts, as: item, whole: elementCount)
                let descriptor = try TensorDescriptor(name: name, scalarType: request.target(of: made.scalarType), shape: made.shape)
                planned.append(PlannedTensor(descriptor, pieces: made.pieces, sourceType: made.scalarType))
            } catch {
                throw error.about(name)
            }
        }
        return planned
    }

    /// What readers cannot tell from the tensors is said in the standard's keys.
    /// Reference: Stability-AI/ModelSpec 1.0.0.
    private var specifiedMetadata: FileMetadata {
        var metadata: FileMetadata = ["format": "pt"]
        if let prediction, components["unet"] != nil {
            metadata["modelspec.prediction_type"] = prediction.value == Prediction.velocity.rawValue ? "v" : prediction.value
        }
        return metadata
    }
}

extension ConversionRequest {
    /// The type that elements of `type` are written as: only floats are ever cast.
    func target(of type: ScalarType) -> ScalarType {
        FileConversion.isCast(type) ? scalarType ?? type : type
    }
}

extension PlannedTensor {
    /// Numbers that no source has.
    init(_ tensor: GeneratedTensor, name: String) throws(IsomerError) {
        let bytes = tensor.integers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        self.init(
            try TensorDescriptor(name: name, scalarType: .i64, shape: Shape(tensor.dimensions)), pieces: [.constant(bytes)],
            sourceType: .i64)
    }
}
