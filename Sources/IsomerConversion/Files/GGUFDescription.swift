import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

/// What the keys of a GGUF file say of its tensors.
///
/// Reference: ggml-org/ggml, docs/gguf.md; city96/ComfyUI-GGUF, loader.py, which reads `general.architecture` and takes a file without it for
/// one of stable-diffusion.cpp; stable-diffusion.cpp reads no keys.
enum GGUFDescription {
    static let architectureKey = "general.architecture"
    static let versionKey = "general.quantization_version"
    static let fileTypeKey = "general.file_type"

    /// Keys that are about the file and not about the model.
    static let ownKeys = [architectureKey, versionKey, fileTypeKey, "general.alignment"]

    /// Whether a key says how tensors lie in its file, which a writer decides anew.
    static func isLayoutKey(_ key: String) -> Bool {
        key == "general.alignment" || key.utf8.starts(with: "comfy.gguf.orig_shape.".utf8)
    }

    /// `keyValues` with what readers want to know of `tensors`: the architecture first, then how they are quantised.
    static func completed(_ keyValues: [GGUFKeyValue], of tensors: [TensorDescriptor], isSameData: Bool) -> [GGUFKeyValue] {
        var result = keyValues
        func place(_ key: String) -> Int? { result.firstIndex { $0.key == key } }
        if place(architectureKey) == nil, let name = architecture(of: tensors) {
            result.insert(GGUFKeyValue(architectureKey, .string(name)), at: 0)
        }
        if isSameData, !keyValues.isEmpty { return result }
        let start = place(architectureKey).map { $0 + 1 } ?? 0
        if tensors.contains(where: { $0.scalarType.kind == .block }), place(versionKey) == nil {
            result.insert(GGUFKeyValue(versionKey, .u32(2)), at: start)
        }
        let type = GGUFKeyValue(fileTypeKey, .u32(fileType(of: tensors)))
        if let place = place(fileTypeKey) {
            result[place] = type
        } else {
            result.insert(type, at: place(versionKey).map { $0 + 1 } ?? start)
        }
        return result
    }

    /// The name under which readers know the tensors' family; `nil` if the tensors are of none, or of several.
    private static func architecture(of tensors: [TensorDescriptor]) -> String? {
        let inventory = TensorInventory(tensors)
        guard let detection = try? FamilyDetection(of: inventory), let reading = detection.decided ?? detection.agreeing else { return nil }
        // llama.cpp has a name for the encoder alone, whose tensors have llama.cpp's names.
        if reading.family == .t5, inventory.matches(Layouts.llamaT5.signature) { return "t5encoder" }
        return reading.family.ggufName
    }

    /// The number of the type that most bytes have.
    // Reference: ggml-org/llama.cpp, include/llama.h `llama_ftype` (b6000); of mixtures the small one.
    private static func fileType(of tensors: [TensorDescriptor]) -> UInt32 {
        var bytes: [ScalarType: Int] = [:]
        for tensor in tensors { bytes[tensor.scalarType, default: 0] += tensor.byteCount }
        let known = bytes.compactMap { type, count in numbers[type].map { (number: $0, count: count) } }
        return known.max { ($0.count, $1.number) < ($1.count, $0.number) }?.number ?? 0
    }

    private static let numbers: [ScalarType: UInt32] = [
        .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .q2K: 10, .q3K: 11, .q4K: 14, .q5K: 16, .q6K: 18, .bf16: 32,
    ]
}
