internal import IsomerBytes
internal import IsomerTensors

/// Opens a file that `torch.save` or `pickle` wrote, of any age, for its weights: one without any is refused with what is in it instead.
func openTorchFile(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> any TensorSource {
    let archive = try TorchArchive(file, limits: limits)
    guard archive.stateDictPath != nil else {
        throw IsomerError(
            .unsupported, "there are no tensors in the file", path: file.path, found: archive.contentDescription,
            remedy: "check that this is the right file")
    }
    return archive
}
