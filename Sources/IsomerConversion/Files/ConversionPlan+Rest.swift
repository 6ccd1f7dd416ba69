import IsomerBytes
import IsomerFormats
import IsomerTensors

extension ConversionPlan {
    /// Says of every tensor that a torch archive holds outside its state dictionary that it is left out.
    mutating func addRest(of tensors: any TensorSource) {
        guard let rest = (tensors as? TorchArchive)?.rest, !rest.tensors.isEmpty else { return }
        for (index, tensor) in rest.tensors.enumerated() {
            setAside.append(
                SetAside(
                    TensorReference(source: sources.count, index: index), name: tensor.name, .dropped, because: ConversionPlan.restReason))
        }
        sources.append(Source("outside the state dictionary", rest, files: []))
    }

    /// Why such tensors are left out.
    static let restReason = "it stands outside the model's state dictionary: training state"
}
