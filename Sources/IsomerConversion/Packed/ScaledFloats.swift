import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Eight-bit floats with a scale for each tensor, as ComfyUI writes and reads them.
///
/// A weight `X.weight` stands beside `X.scale_weight`, an f32 (or one for each row) by which it is multiplied to give the true weight, and perhaps
/// `X.scale_input`, which says how activations are scaled and is nothing to the weights. An empty tensor `scaled_fp8` before the layers' names
/// says that the file is of this kind. Newer files call the scale `X.weight_scale`, and `X.comfy_quant` holds the kind as JSON.
// Reference: comfyanonymous/ComfyUI 0.3.75, comfy/model_detection.py `model_config_from_unet`, comfy/ops.py `scaled_fp8_ops`, comfy/utils.py
// `convert_old_quants`.
enum ScaledFloats {
    static let marker = "scaled_fp8"

    /// How the names of scales end.
    static let scales = [".scale_weight", ".weight_scale"]
    /// How the names of what else belongs to a scaled weight end.
    static let companions = [".scale_input", ".input_scale", ".comfy_quant"]

    static func isEightBits(_ type: ScalarType) -> Bool { type == .f8e4m3 || type == .f8e5m2 }

    /// Whether the tensor says that the file is of this kind.
    static func isMarker(_ tensor: TensorDescriptor) -> Bool {
        tensor.shape.elementCount <= 2 && (tensor.name == marker || tensor.name.hasSuffix("." + marker))
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
            // A file of such floats that gets more of them is marked already.
            var markers = Set(files[file].tensors.map(\.descriptor).filter(ScaledFloats.isMarker).map(\.name))
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
                let marker = ScaledFloats.prefix(of: name) + ScaledFloats.marker
                guard markers.insert(marker).inserted else { continue }
                files[file].tensors.append(
                    PlannedTensor(
                        try TensorDescriptor(name: marker, scalarType: type, shape: IsomerTensors.Shape([0])),
                        pieces: [.constant([])], sourceType: type))
            }
        }
    }
}
