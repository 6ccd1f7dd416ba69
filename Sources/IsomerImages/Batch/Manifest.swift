internal import IsomerBytes
internal import Synchronization

/// The record of a batch: `manifest.jsonl` in the output's folder, one line for each input in the order of their names, after a line that says
/// what it is. Parts of a sharded batch have one each.
///
/// Of what earlier runs left, only the places of the lines are held in memory, sixteen bytes for each.
final class Manifest: Sendable {
    private let folder: FilePath
    private let name: String
    /// What earlier runs left, the newest first.
    private let files: [(file: ReadableFile, lines: PieceIndex)]
    /// Archives that earlier runs say they wrote.
    let archives: Set<String>
    private let lines: StreamedFile
    private let part: Mutex<FileDescriptor>

    /// Reads what earlier runs left, and begins this run's part.
    init(folder: FilePath, shard: (index: Int, count: Int)?) throws(IsomerError) {
        self.folder = folder
        name = shard.map { "manifest-\($0.index)-of-\($0.count).jsonl" } ?? "manifest.jsonl"
        var files: [(ReadableFile, PieceIndex)] = []
        var archives: Set<String> = []
        // The part of a run that was stopped is newer than the whole of the run before it.
        for name in [name + ".part", name] + (shard == nil ? [] : ["manifest.jsonl"]) {
            let path = folder.appending(name)
            guard try FileSystem.kind(of: path) == .file else { continue }
            let file = try ReadableFile(path)
            var index = PieceIndex()
            try LineReader.forEachLine(of: file) { (line: ArraySlice<UInt8>, offset: UInt64) in
                guard let input = PictureRecord.name(inLine: line) else { return }
                index.insert(input, offset: offset, count: line.count)
                if let archive = PictureRecord.archive(inLine: line) { archives.insert(archive) }
            }
            index.finish()
            files.append((file, index))
        }
        (self.files, self.archives) = (files, archives)
        let path = folder.appending(name + ".part")
        do {
            // The earlier part stays of use if this run is stopped before it gets that far, so this one is added to it.
            let descriptor = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
            // A cut line ends here.
            try descriptor.writeAll([UInt8(ascii: "\n")])
            part = Mutex(descriptor)
        } catch {
            throw IsomerError.writing(path, error)
        }
        lines = try StreamedFile(folder.appending(name))
        try lines.append(Array(Self.heading.utf8))
    }

    /// The line that says what the file is.
    private static let heading = "{\"schema\":\"isomer.prepare/1\"}\n"

    /// Whether a manifest, or a part of one, may be called so.
    static func isName(_ name: some Collection<UInt8>) -> Bool {
        name.starts(with: "manifest".utf8) && name.suffix(6).elementsEqual(".jsonl".utf8)
    }

    /// Whether a file says that it is one.
    static func isManifest(_ path: FilePath) -> Bool {
        guard let file = try? ReadableFile(path), file.size >= UInt64(heading.utf8.count) else { return false }
        return (try? file.bytes(at: 0, count: heading.utf8.count))?.elementsEqual(heading.utf8) ?? false
    }

    deinit {
        part.withLock { try? $0.close() }
    }

    /// What the newest run that says anything about an input says.
    func earlier(_ input: String) -> PictureRecord? {
        for (file, lines) in files {
            for piece in lines.pieces(input) {
                // A line that was cut by a crash is no record.
                if let line = try? file.bytes(at: piece.offset, count: piece.count), let record = PictureRecord(line: line),
                    record.name == input
                {
                    return record
                }
            }
        }
        return nil
    }

    /// Notes at once that an input is done, in whatever order, for a run that takes this one up again.
    func note(_ record: PictureRecord) throws(IsomerError) {
        do {
            try part.withLock { _ = try $0.writeAll(record.line) }
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

    /// The names of the inputs in the whole manifest of the run before this one.
    func forEachEarlierInput(_ body: (String) -> Void) throws(IsomerError) {
        guard let whole = files.first(where: { $0.file.path.extension == "jsonl" })?.file else { return }
        try LineReader.forEachLine(of: whole) { (line: ArraySlice<UInt8>, _) in
            if let name = PictureRecord.name(inLine: line) { body(name) }
        }
    }

    /// Every record of the finished manifest.
    func forEachRecord(_ body: (PictureRecord) -> Void) throws(IsomerError) {
        try LineReader.forEachLine(of: ReadableFile(folder.appending(name))) { (line: ArraySlice<UInt8>, _) in
            if let record = PictureRecord(line: Array(line)) { body(record) }
        }
    }
}
