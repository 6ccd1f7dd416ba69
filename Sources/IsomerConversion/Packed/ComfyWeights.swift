import IsomerBytes
import IsomerTensors

/// How ComfyUI marks a packed layer `X`: `X.comfy_quant` is JSON as bytes, `{"format": "nvfp4"}`; files that say so only once have all layers in
/// the metadata `_quantization_metadata`, `{"layers": {"X": {"format": …}}}`.
///
/// - `float8_e4m3fn`, `float8_e5m2`: see `ScaledFloats`.
/// - `int8_tensorwise`: `X.weight` as signed bytes, times `X.weight_scale`, one or one for each row.
/// - `mxfp8`, `nvfp4`: see `SwizzledBlocks`.
///
/// Layers that were turned by Hadamard matrices before they were packed (`convrot`), and those whose inputs are scaled (`pre_quant_scale`), are
/// refused: their numbers alone are not the weight.
// Reference: Comfy-Org/ComfyUI of November 2026, comfy/quant_ops.py `QUANT_ALGOS`, comfy/ops.py `_load_quantized_module`, comfy/utils.py
// `convert_old_quants`; comfy-kitchen 0.2.40, tensor/ and backends/eager/quantization.py.
enum ComfyWeights {
    static let metadataKey = "_quantization_metadata"

    /// What a marked layer is.
    enum Layer {
        case weight(index: Int, any PackedWeight, companions: [Int], Packing)
        /// Its scale says everything.
        case scaledFloat
        /// Why it is not read.
        case refused(String)
    }

    /// The layers that the metadata marks.
    static func layers(in metadata: FileMetadata) throws(IsomerError) -> [(key: String, cursor: JSONCursor)] {
        guard let text = metadata[metadataKey] else { return [] }
        do throws(IsomerError) {
            let root = JSONCursor(try JSONValue(parsing: Array(text.utf8), dialect: .python))
            return try root.optional("layers")?.members() ?? []
        } catch {
            throw error.inDescription(of: metadataKey)
        }
    }

    /// What `description` says of the layer `layer`, which has a weight.
    static func layer(
        _ layer: String, _ description: JSONCursor, as type: ScalarType, in names: StoredNames
    ) throws(IsomerError) -> Layer {
        let weight = layer + ".weight"
        let codes = try names.required(weight, by: layer + ".comfy_quant")
        let format: String
        do throws(IsomerError) {
            // Some tools write the name alone.
            if case .string(let word) = description.value { format = word } else { format = try description.required("format").string() }
        } catch {
            throw error.inDescription(of: layer + ".comfy_quant")
        }
        if format.hasPrefix("float8_") { return .scaledFloat }
        let packing = Packing.comfyUI(format: format)
        if isTurned(description) { return .refused("\(packing.title) with turned layers (convrot)") }
        if names.index(layer + ".pre_quant_scale") != nil { return .refused("\(packing.title) with scaled inputs (pre_quant_scale)") }
        switch format {
        case "int8_tensorwise":
            let scales = try names.required(layer + ".weight_scale", by: weight)
            try names.check(codes, count: names.source.tensors[codes].shape.elementCount, "I8") { $0 == .i8 }
            let made = try ScaledRows(codes: codes, scales: scales, as: type, in: names)
            return .weight(index: codes, made, companions: [scales], packing)
        case "mxfp8", "nvfp4":
            let scales = try names.required(layer + ".weight_scale", by: weight)
            let whole = format == "nvfp4" ? try names.required(layer + ".weight_scale_2", by: weight) : nil
            let made = try SwizzledBlocks(codes: codes, scales: scales, whole: whole, as: type, in: names)
            return .weight(index: codes, made, companions: [scales] + (whole.map { [$0] } ?? []), packing)
        default: return .refused(packing.title)
        }
    }

    /// How the names of what belongs to any marked layer end.
    static let companions = [".comfy_quant", ".input_scale"]

    private static func isTurned(_ description: JSONCursor) -> Bool {
        guard case .object(let object) = description.value else { return false }
        var said = object["convrot"]
        if said == nil, case .object(let parameters)? = object["params"] { said = parameters["convrot"] }
        return said != nil && said != .bool(false) && said != .null
    }
}
