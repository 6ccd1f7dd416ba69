public import IsomerBytes
public import IsomerTensors

/// Opens whatever weights file lies at `path`: safetensors, any kind of torch file, GGUF, or the index of a sharded set of them. A file that is
/// one of several by its name, with no index beside it, stands for all of them.
///
/// What the file is, its bytes tell; its name does not matter. Something else is refused with a sentence that says what it is and what to do.
public func openWeights(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) -> any TensorSource {
    let file = try ReadableFile(path)
    let format = try FileFormat(of: file)
    switch format {
    case .json: return try ShardedReader(index: file, limits: limits)
    case .safetensors, .torchZip, .zip, .torchLegacy, .pickle, .gguf:
        if let set = try ShardedReader(shard: path, limits: limits) { return set }
        return try openWeightsFile(file, format, limits: limits)
    default: return try openWeightsFile(file, format, limits: limits)
    }
}

/// Opens one file of weights; not an index.
func openWeightsFile(_ file: ReadableFile, _ format: FileFormat, limits: Limits) throws(IsomerError) -> any TensorSource {
    switch format {
    case .safetensors: return try SafetensorsReader(file, limits: limits)
    case .gguf: return try GGUFReader(file, limits: limits)
    case .torchZip, .zip, .torchLegacy, .pickle, .tar: return try openTorchFile(file, limits: limits)
    default:
        throw IsomerError(
            .unsupported, format == .empty ? "the file is empty" : "this is \(format.name)", path: file.path,
            expected: "a safetensors or GGUF file, a PyTorch checkpoint or the index of a sharded set",
            remedy: format.remedyWhereWeightsAreWanted)
    }
}
