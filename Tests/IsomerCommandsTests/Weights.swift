import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Small weight files for tests.
enum Weights {
    static func write(
        _ tensors: [(name: String, type: ScalarType, shape: [Int], bytes: [UInt8])], metadata: FileMetadata = [:], to path: FilePath
    ) throws {
        let descriptors = try tensors.map { try TensorDescriptor(name: $0.name, scalarType: $0.type, shape: Shape($0.shape)) }
        let layout = try SafetensorsLayout(descriptors, metadata: metadata)
        let file = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: true)
        let writer = try SafetensorsWriter(file.file, tensors: descriptors, layout: layout)
        for (index, tensor) in tensors.enumerated() {
            var failure: IsomerError?
            tensor.bytes.withUnsafeBytes { bytes in
                do throws(IsomerError) { try writer.write(bytes, to: index, at: 0) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try writer.finish()
        try file.commit()
    }

    static func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) } }
    }
}
