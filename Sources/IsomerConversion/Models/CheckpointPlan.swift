import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// The plan that writes the model as one checkpoint in its family's original layout.
    ///
    /// - Throws: `mismatch` if a component that the user named is not there, `unsupported` if two tensors would have to be joined that cannot be.
    public func checkpointPlan(_ container: Container, _ request: ConversionRequest) throws(IsomerError) -> ConversionPlan {
        try refuseUnread(forFolder: false, request)
        let restored = extras?.checkpoint
        var planned: [PlannedTensor] = []
        var used: Set<TensorReference> = []
        let chosen = family.slots.filter { components[$0.name] != nil && (request.only.isEmpty || request.only.contains($0.name)) }
        // A component in a file of its own stands where its loaders look for it there.
        func placement(of slot: Slot) -> Placement {
            restored?.placement(of: slot)
                ?? (chosen.count == 1 ? components[slot.name].flatMap { slot.alone($0.configuration, $0.placement) } : nil)
                ?? slot.placements[0]
        }
        for slot in family.slots where request.only.isEmpty || request.only.contains(slot.name) {
            guard let component = components[slot.name] else {
                if request.only.contains(slot.name) { throw missing(slot.name) }
                continue
            }
            for tensor in try tensors(of: component, as: placement(of: slot), request) {
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
        guard !planned.isEmpty else { throw missing(request.only.sorted().first ?? family.slots[0].name) }

        var plan = ConversionPlan(sources: sources, shape: .file, files: [], decisions: decisions, notes: notes)
        if let prediction { plan.decisions.append(prediction) }
        if prediction?.value == Prediction.sample.rawValue, !request.keepsExtras {
            plan.notes.append("nothing in the file tells that its denoiser predicts the picture: say --prediction-type sample with it")
        }
        try restore(into: &planned, request, used: &used)
        let names = Set(planned.map(\.descriptor.name))
        for slot in chosen where restored == nil {
            guard let component = components[slot.name] else { continue }
            let beside = planned.first { $0.descriptor.name.hasPrefix(placement(of: slot).prefix) }?.descriptor.scalarType ?? .f32
            for tensor in slot.generated(component.configuration) where !(tensor.isAtRoot && chosen.count == 1) {
                let name = tensor.isAtRoot ? tensor.name : placement(of: slot).prefix + tensor.name
                guard !names.contains(name) else { continue }
                planned.append(try PlannedTensor(tensor, name: name, beside: beside))
            }
        }
        if restored == nil, chosen.count > 1 { planned += try predictionMarkers(used: &used) }
        // A checkpoint that was one before gets its own metadata back, nothing else.
        var metadata = restored?.metadata ?? specifiedMetadata
        for (key, value) in request.metadata { metadata[key] = value }
        plan.files = [PlannedFile(container: container, tensors: planned, shardBytes: request.shardBytes)]
        plan.files[0].hold(metadata)
        if chosen.count == 1 { try plan.divide(by: placement(of: chosen[0]).layout, request.destination) }
        try setAside(in: &plan, request, used: used)
        return plan
    }

    func missing(_ slot: String) -> IsomerError {
        IsomerError(
            .mismatch, "the model has no such component", item: slot, found: components.keys.sorted().joined(separator: ", "),
            remedy: "choose one of those that it has")
    }

    /// Every tensor of a component in another layout, cast as the request wants.
    func tensors(of component: ModelComponent, as placement: Placement, _ request: ConversionRequest) throws(IsomerError) -> [PlannedTensor]
    {
        var planned: [PlannedTensor] = []
        for item in try placement.layout.expansion(of: component.slot.written(component.configuration)).items {
            let name = placement.name(of: item.name)
            if let implied = component.implied[item.parts[0].name], component.tensors[item.parts[0].name] == nil {
                planned.append(try PlannedTensor(implied, name: name, beside: request.target(of: component.scalarType)))
                continue
            }
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
                func plan(_ name: String, _ made: TensorExpression) throws(IsomerError) {
                    let descriptor = try TensorDescriptor(name: name, scalarType: request.target(of: made.scalarType), shape: made.shape)
                    planned.append(PlannedTensor(descriptor, pieces: made.pieces, sourceType: made.scalarType))
                }
                if let table = placement.layout.secondTables.first(where: { $0.first == item.name }) {
                    let (first, second) = try made.parted(table, kept: kept(table, placement))
                    try plan(name, first)
                    try plan(placement.name(of: table.second), second)
                } else {
                    try plan(name, made)
                }
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
        switch prediction.flatMap({ Prediction(rawValue: $0.value) }) {
        case .epsilon?: metadata["modelspec.prediction_type"] = "epsilon"
        case .velocity?: metadata["modelspec.prediction_type"] = "v"
        // The standard has no word for the others; most tell by their tensors.
        case .sample?, .flow?, .edm?, nil: break
        }
        return metadata
    }

    /// Empty tensors whose names alone say something, where the family's loaders look for them; the source's own if it has them.
    private func predictionMarkers(used: inout Set<TensorReference>) throws(IsomerError) -> [PlannedTensor] {
        guard family.marksVelocity, prediction?.value == Prediction.velocity.rawValue else { return [] }
        let found = Dictionary(beside.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        let endsInNoise = found["ztsnr"] != nil || scheduler?["rescale_betas_zero_snr"] == .bool(true)
        var markers: [PlannedTensor] = []
        for name in ["v_pred"] + (endsInNoise ? ["ztsnr"] : []) {
            if let reference = found[name] {
                let descriptor = sources[reference.source].tensors.tensors[reference.index]
                markers.append(PlannedTensor(descriptor, from: reference, of: descriptor.scalarType))
                used.insert(reference)
                continue
            }
            let descriptor = try TensorDescriptor(name: name, scalarType: .f32, shape: Shape([0]))
            markers.append(PlannedTensor(descriptor, pieces: [.constant([])], sourceType: .f32))
        }
        return markers
    }
}

extension ConversionRequest {
    /// The type that elements of `type` are written as: only floats are ever cast.
    func target(of type: ScalarType) -> ScalarType {
        FileConversion.isCast(type) ? scalarType ?? type : type
    }
}

extension PlannedTensor {
    /// Numbers that no source has. Floats take the type `beside`, that of their neighbours, integers stay 64 bits wide.
    init(_ tensor: GeneratedTensor, name: String, beside: ScalarType) throws(IsomerError) {
        let (bytes, type) = tensor.content(as: beside)
        self.init(
            try TensorDescriptor(name: name, scalarType: type, shape: Shape(tensor.dimensions)), pieces: [.constant(bytes)],
            sourceType: type)
    }
}

extension GeneratedTensor {
    /// Its bytes and the type they are of: `type` for floats that may have any, where that is one of the usual four, else f32.
    fileprivate func content(as type: ScalarType) -> (bytes: [UInt8], type: ScalarType) {
        func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
            numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        }
        switch numbers {
        case .integers(let integers): return (bytes(integers), .i64)
        case .singles(let floats): return (bytes(floats.map(\.bitPattern)), .f32)
        case .floats(let floats):
            switch type {
            case .f16: return (bytes(floats.map { Float16($0).bitPattern }), type)
            // Rounds to nearest, ties to even; generated numbers are finite.
            case .bf16:
                return (
                    bytes(floats.map { UInt16(truncatingIfNeeded: ($0.bitPattern &+ 0x7fff &+ ($0.bitPattern >> 16 & 1)) >> 16) }), type
                )
            case .f64: return (bytes(floats.map { Double($0).bitPattern }), type)
            default: return (bytes(floats.map(\.bitPattern)), .f32)
            }
        }
    }
}
