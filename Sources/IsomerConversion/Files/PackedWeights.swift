import IsomerBytes
import IsomerTensors

/// Weights in the blocks of a library that runs them as they are: files of such have the names of a model, and other numbers than its own.
enum PackedWeights {
    /// How names end beside, or in place of, a packed weight; and what packed it.
    ///
    /// References: bitsandbytes 0.49 `functional.py` `QuantState`, `nn/modules.py` `Linear8bitLt`; AutoGPTQ 0.7 `qlinear_cuda.py`; nunchaku 1.0
    /// `models/linear.py`.
    private static let endings: [(ending: String, title: String)] = [
        (".quant_state.bitsandbytes__nf4", "bitsandbytes' 4-bit blocks (NF4)"),
        (".quant_state.bitsandbytes__fp4", "bitsandbytes' 4-bit blocks (FP4)"),
        (".SCB", "bitsandbytes' 8-bit rows"), (".qzeros", "GPTQ's or AWQ's blocks"), (".wscales", "Nunchaku's 4-bit blocks (SVDQuant)"),
    ]

    /// What packed the weights among `tensors`, if anything did.
    static func title(in tensors: [TensorDescriptor]) -> String? {
        for tensor in tensors {
            // Every name of every file comes through here, so bytes are compared.
            let name = tensor.name.utf8
            let found = endings.first { ending, _ in
                name.count > ending.utf8.count && name.suffix(ending.utf8.count).elementsEqual(ending.utf8)
            }
            if let found { return found.title }
        }
        return nil
    }

    static let reason = "they would have to be unpacked by the library that packed them"

    /// Throws `unsupported` if weights among `tensors` are packed.
    static func refuse(in tensors: [TensorDescriptor], _ path: FilePath) throws(IsomerError) {
        guard let title = title(in: tensors) else { return }
        throw IsomerError(
            .unsupported, "the weights are in \(title), which are not read: \(reason)", path: path,
            remedy: "give the file they were made from; a change of container alone (--layout keep) works for any file")
    }
}
