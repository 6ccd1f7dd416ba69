import IsomerBytes
import IsomerFormats
import IsomerTensors

/// A weight file whose bytes are laid out: its size is known, and a sink can be begun.
enum PreparedFile {
    case safetensors([TensorDescriptor], SafetensorsLayout)

    init(_ file: PlannedFile, limits: Limits) throws(IsomerError) {
        let tensors = file.tensors.map(\.descriptor)
        do throws(IsomerError) {
            switch file.container {
            case .safetensors:
                self = .safetensors(tensors, try SafetensorsLayout(tensors, metadata: file.metadata, limits: limits))
            }
        } catch {
            throw error.inFile(file.path)
        }
    }

    /// Bytes of the whole file.
    var byteCount: UInt64 {
        switch self {
        case .safetensors(_, let layout): layout.byteCount
        }
    }

    /// Writes what comes before the tensors.
    func begin(_ file: WritableFile) throws(IsomerError) -> any TensorSink {
        switch self {
        case .safetensors(let tensors, let layout): try SafetensorsWriter(file, tensors: tensors, layout: layout)
        }
    }
}

extension Container {
    /// Opens a file that was just written.
    func open(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> any TensorSource {
        switch self {
        case .safetensors: try SafetensorsReader(file, limits: limits)
        }
    }
}
