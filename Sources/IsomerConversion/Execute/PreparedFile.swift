import IsomerBytes
import IsomerFormats
import IsomerTensors

/// A weight file whose bytes are laid out: its size is known, and a sink can be begun.
enum PreparedFile {
    case safetensors([TensorDescriptor], SafetensorsLayout)
    case torch([TensorDescriptor], TorchArchiveLayout)
    case legacyTorch([TensorDescriptor], TorchLegacyLayout)
    case gguf([TensorDescriptor], GGUFLayout)

    init(_ file: PlannedFile, limits: Limits) throws(IsomerError) {
        let tensors = file.tensors.map(\.descriptor)
        do throws(IsomerError) {
            switch file.container {
            case .safetensors:
                self = .safetensors(tensors, try SafetensorsLayout(tensors, metadata: file.metadata, limits: limits))
            case .torch(let root, legacy: false):
                self = .torch(tensors, try TorchArchiveLayout(tensors, root: root, name: file.path.stem ?? "archive"))
            case .torch(let root, legacy: true):
                self = .legacyTorch(tensors, try TorchLegacyLayout(tensors, root: root))
            case .gguf(let keyValues):
                self = .gguf(tensors, try GGUFLayout(tensors, keyValues: keyValues))
            }
        } catch {
            throw error.inFile(file.path)
        }
    }

    /// Bytes of the whole file.
    var byteCount: UInt64 {
        switch self {
        case .safetensors(_, let layout): layout.byteCount
        case .torch(_, let layout): layout.byteCount
        case .legacyTorch(_, let layout): layout.byteCount
        case .gguf(_, let layout): layout.byteCount
        }
    }

    /// Writes what comes before the tensors.
    func begin(_ file: WritableFile) throws(IsomerError) -> any TensorSink {
        switch self {
        case .safetensors(let tensors, let layout): try SafetensorsWriter(file, tensors: tensors, layout: layout)
        case .torch(let tensors, let layout): try TorchArchiveWriter(file, tensors: tensors, layout: layout)
        case .legacyTorch(let tensors, let layout): try TorchLegacyWriter(file, tensors: tensors, layout: layout)
        case .gguf(let tensors, let layout): try GGUFWriter(file, tensors: tensors, layout: layout)
        }
    }
}

extension Container {
    /// Opens a file that was just written.
    func open(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> any TensorSource {
        switch self {
        case .safetensors: try SafetensorsReader(file, limits: limits)
        case .torch: try TorchArchive(file, limits: limits)
        case .gguf: try GGUFReader(file, limits: limits)
        }
    }
}
