internal import IsomerBytes
internal import Synchronization

/// A text file that grows piece by piece and appears whole at the end, or leaves one that says the same as it is.
final class StreamedFile: Sendable {
    private let file: AtomicFile
    private struct State {
        var buffer: [UInt8] = []
        var offset: UInt64 = 0
    }
    private let state = Mutex(State())

    init(_ path: FilePath) throws(IsomerError) {
        file = try AtomicFile(path: path, byteCount: nil, overwrite: true)
    }

    func append(_ bytes: [UInt8]) throws(IsomerError) {
        let ready: ([UInt8], UInt64)? = state.withLock { state in
            state.buffer += bytes
            guard state.buffer.count >= 1 << 20 else { return nil }
            defer { state.buffer = [] }
            let offset = state.offset
            state.offset += UInt64(state.buffer.count)
            return (state.buffer, offset)
        }
        if let ready { try file.file.write(ready.0, at: ready.1) }
    }

    func finish() throws(IsomerError) {
        let (rest, offset) = state.withLock { ($0.buffer, $0.offset) }
        try file.file.write(rest, at: offset)
        try file.commitIfChanged()
    }
}
