import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Eight-bit floats with a scale for each tensor, as ComfyUI writes and reads them.
///
/// A weight `X.weight` stands beside `X.scale_weight`, an f32 by which it is multiplied to give the true weight, and perhaps `X.scale_input`,
/// which says how activations are scaled and is nothing to the weights. An empty tensor `scaled_fp8` before the layers' names says that the file
/// is of this kind. Newer files call the scale `X.weight_scale`, and `X.comfy_quant` holds the kind as JSON.
// Reference: comfyanonymous/ComfyUI 0.3.75, comfy/model_detection.py `model_config_from_unet`, comfy/ops.py `scaled_fp8_ops`, comfy/utils.py
// `convert_old_quants`.
enum ScaledFloats {
    static let marker = "scaled_fp8"
    private static let scales = [".scale_weight", ".weight_scale"]
    private static let companions = [".scale_input", ".input_scale", ".comfy_quant"]

    /// A source whose scaled weights read as their true values in `type`; the source itself if it has none.
    static func unscaled(
        _ source: any TensorSource, as type: ScalarType?
    ) throws(IsomerError) -> (tensors: any TensorSource, decision: Decision?) {
        guard source.tensors.contains(where: { isEightBits($0.scalarType) }) else { return (source, nil) }
        var positions: [ExactString: Int] = [:]
        for (index, tensor) in source.tensors.enumerated() { positions[ExactString(tensor.name)] = index }
        /// The layer of a scale, if its weights are eight-bit floats.
        func layer(_ name: String, _ endings: [String]) -> (weight: Int, layer: String)? {
            guard let ending = endings.first(where: name.hasSuffix) else { return nil }
            let layer = String(name.dropLast(ending.count))
            guard let weight = positions[ExactString(layer + ".weight")] else { return nil }
            return isEightBits(source.tensors[weight].scalarType) ? (weight, layer) : nil
        }
        var factors: [Int: Float] = [:]
        var left: Set<Int> = []
        for (index, tensor) in source.tensors.enumerated() {
            if let found = layer(tensor.name, scales) {
                factors[found.weight] = try factor(index, in: source)
                left.insert(index)
            } else if layer(tensor.name, companions) != nil {
                left.insert(index)
            } else if tensor.name == marker || tensor.name.hasSuffix("." + marker), tensor.shape.elementCount <= 2 {
                left.insert(index)
            }
        }
        guard !factors.isEmpty else { return (source, nil) }
        var planned: [PlannedTensor] = []
        for (index, tensor) in source.tensors.enumerated() where !left.contains(index) {
            var descriptor = tensor
            if factors[index] != nil {
                descriptor = try TensorDescriptor(name: tensor.name, scalarType: type ?? .f16, shape: tensor.shape)
            }
            var made = PlannedTensor(descriptor, from: TensorReference(source: 0, index: index), of: tensor.scalarType)
            made.multiplier = factors[index]
            planned.append(made)
        }
        let plan = ConversionPlan(
            sources: [ConversionPlan.Source("", source, files: source.files)], shape: .file,
            files: [PlannedFile(container: .safetensors, tensors: planned, metadata: source.metadata)])
        let decision = Decision(
            "scaled 8-bit floats", "multiplied by their scales, as \((type ?? .f16).rawValue)",
            because: "\(factors.count) weights stand beside a scale", flag: type == nil ? "--dtype TYPE" : nil)
        return (try PlannedTensorSource(plan), decision)
    }

    private static func isEightBits(_ type: ScalarType) -> Bool { type == .f8e4m3 || type == .f8e5m2 }

    private static func factor(_ index: Int, in source: any TensorSource) throws(IsomerError) -> Float {
        let tensor = source.tensors[index]
        guard tensor.shape.elementCount == 1, let cast = try? Cast(from: tensor.scalarType, to: .f32) else {
            throw IsomerError(
                .unsupported, "the scale of a weight is not one number", item: tensor.name, expected: "one floating number",
                found: "\(tensor.scalarType.rawValue) \(tensor.shape)")
        }
        let bytes = try source.bytes(of: index)
        var value: Float = 0
        withUnsafeMutableBytes(of: &value) { target in bytes.withUnsafeBytes { _ = try? cast.apply($0, target, elementCount: 1) } }
        guard value.isFinite else {
            throw IsomerError(.malformed, "the scale of a weight is not finite", item: tensor.name, found: "\(value)")
        }
        return value
    }

    /// Where the layers' names begin, for the marker.
    static func prefix(of name: String) -> String {
        let prefixes = [
            "model.diffusion_model.", "text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer.",
            "text_encoders.t5xxl.transformer.", "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model.",
            "cond_stage_model.transformer.", "cond_stage_model.model.",
        ]
        return prefixes.first(where: name.hasPrefix) ?? ""
    }
}

extension ConversionPlan {
    /// Makes tensors that are to be eight-bit floats use all of the type's range: each is divided by a scale of its own, which is written beside
    /// it. Reads those tensors once to find the scales.
    ///
    /// Which tensors is `Quantization`'s choice, before this.
    mutating func scaleFloats(_ places: [TensorPlace], workers: Workers) throws(IsomerError) {
        for file in files.indices {
            let chosen = places.filter { $0.file == file }.map(\.tensor)
            guard !chosen.isEmpty else { continue }
            var wide = self
            for index in wide.files[file].tensors.indices {
                var tensor = wide.files[file].tensors[index]
                tensor.descriptor = try TensorDescriptor(
                    name: tensor.descriptor.name, scalarType: tensor.sourceType.kind == .block ? .f32 : tensor.sourceType,
                    shape: tensor.descriptor.shape)
                wide.files[file].tensors[index] = tensor
            }
            let survey = try TensorSurvey(of: PlannedTensorSource(wide, file: file), chosen, workers: workers)
            var markers: Set<String> = []
            for entry in survey.entries {
                let name = files[file].tensors[entry.index].descriptor.name
                let type = files[file].tensors[entry.index].descriptor.scalarType
                guard entry.nanCount == 0, entry.infinityCount == 0 else {
                    throw IsomerError(
                        .unsupported, "the tensor holds numbers that are not finite, and no scale fits them", item: name,
                        found: "\(entry.nanCount) NaN, \(entry.infinityCount) infinite", remedy: "leave it with --quantize-rule NAME=f16")
                }
                let most = Float(max(abs(entry.minimum ?? 0), abs(entry.maximum ?? 0)))
                let largest: Float = type == .f8e4m3 ? 448 : 57_344
                let scale = most > 0 ? most / largest : 1
                files[file].tensors[entry.index].multiplier = 1 / scale
                let bytes = withUnsafeBytes(of: scale.bitPattern.littleEndian) { Array($0) }
                let layer = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
                files[file].tensors.append(
                    PlannedTensor(
                        try TensorDescriptor(name: layer + ".scale_weight", scalarType: .f32, shape: .scalar), pieces: [.constant(bytes)],
                        sourceType: .f32))
                let prefix = ScaledFloats.prefix(of: name)
                guard markers.insert(prefix).inserted else { continue }
                files[file].tensors.append(
                    PlannedTensor(
                        try TensorDescriptor(name: prefix + ScaledFloats.marker, scalarType: type, shape: IsomerTensors.Shape([0])),
                        pieces: [.constant([])], sourceType: type))
            }
        }
    }
}
