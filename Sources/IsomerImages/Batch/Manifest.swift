internal import IsomerBytes
internal import Synchronization

/// The record of a batch: `manifest.jsonl` in the output's folder, one line for each input in the order of their names, after a line that says
/// what it is. Parts of a sharded batch have one each.
final class Manifest: Sendable {
    private let folder: FilePath
    private let name: String
    private let earlierRecords: [String: [UInt8]]
    private struct State {
        var descriptor: FileDescriptor?
    }
    private let state: Mutex<State>

    /// Reads what earlier runs left, and begins this run's part.
    init(folder: FilePath, shard: (index: Int, count: Int)?) throws(IsomerError) {
        self.folder = folder
        name = shard.map { "manifest-\($0.index)-of-\($0.count).jsonl" } ?? "manifest.jsonl"
        var earlier: [String: [UInt8]] = [:]
        // The part of a run that was stopped is newer than the whole of the run before it.
        for file in ["manifest.jsonl", name, name + ".part"] {
            let path = folder.appending(file)
            guard try FileSystem.kind(of: path) == .file else { continue }
            let bytes = try ReadableFile(path).contents(limit: 64 << 30)
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                // A line that was cut by a crash is no record.
                guard let name = Self.inputName(line) else { continue }
                earlier[name] = Array(line)
            }
        }
        earlierRecords = earlier
        let part = folder.appending(name + ".part")
        do {
            // The earlier part stays of use if this run is stopped before it gets that far, so this one is added to it.
            let descriptor = try FileDescriptor.open(
                part, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
            // A cut line ends here.
            try descriptor.writeAll([UInt8(ascii: "\n")])
            state = Mutex(State(descriptor: descriptor))
        } catch {
            throw IsomerError.writing(part, error)
        }
        lines = try StreamedFile(folder.appending(name))
        try lines.append(Array("{\"schema\":\"isomer.prepare/1\"}\n".utf8))
    }

    private let lines: StreamedFile

    deinit {
        state.withLock { try? $0.descriptor?.close() }
    }

    /// What an earlier run says about an input.
    func earlier(_ input: String) -> PictureRecord? {
        earlierRecords[input].flatMap { PictureRecord(line: $0) }
    }

    /// The input of a line, without reading all of it: lines are written with that member first.
    private static func inputName(_ line: ArraySlice<UInt8>) -> String? {
        guard line.starts(with: "{\"input\":".utf8), line.last == UInt8(ascii: "}") else { return nil }
        return PictureRecord(line: Array(line))?.name
    }

    /// Notes at once that an input is done, in whatever order, for a run that takes this one up again.
    func note(_ record: PictureRecord) throws(IsomerError) {
        do {
            try state.withLock { state in _ = try state.descriptor?.writeAll(record.line) }
        } catch {
            throw IsomerError.writing(folder.appending(name + ".part"), error)
        }
    }

    /// The next line of the whole manifest.
    func append(_ record: PictureRecord) throws(IsomerError) {
        try lines.append(record.line)
    }

    /// Publishes the whole manifest and removes the part.
    func finish() throws(IsomerError) {
        try lines.finish()
        OutputFolder.removeFile(folder.appending(name + ".part"))
    }
}

/// A text file that grows piece by piece and appears whole at the end.
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
        try file.commit()
    }
}
