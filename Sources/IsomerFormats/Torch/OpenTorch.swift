internal import IsomerBytes
internal import IsomerTensors

/// Opens a file that `torch.save` or `pickle` wrote, of any age.
func openTorchFile(_ file: ReadableFile, _ format: FileFormat, limits: Limits) throws(IsomerError) -> any TensorSource {
    throw IsomerError(.unsupported, "\(format.name) is not read", path: file.path)
}
