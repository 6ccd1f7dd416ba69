internal import IsomerBytes
internal import Synchronization

/// The record of a batch: `manifest.jsonl` in the output's folder, one line for each input in the order of their names, after a line that says
/// what it is. Parts of a sharded batch have one each.
///
/// Of what earlier runs left, only the places of the lines are held in memory: a million of them take a few tens of megabytes.
final class Manifest: Sendable {
    private let folder: FilePath
    private let name: String
    private let files: [ReadableFile]
    private let places: [Int: Place]
    /// Archives that earlier runs say they wrote.
    let archives: Set<String>
    private let lines: StreamedFile
    private let part: Mutex<FileDescriptor>

    /// Where a line lies.
    private struct Place {
        var file: Int32
        var count: Int32
        var offset: UInt64
    }

    /// Reads what earlier runs left, and begins this run's part.
    init(folder: FilePath, shard: (index: Int, count: Int)?) throws(IsomerError) {
        self.folder = folder
        name = shard.map { "manifest-\($0.index)-of-\($0.count).jsonl" } ?? "manifest.jsonl"
        var files: [ReadableFile] = []
        var places: [Int: Place] = [:]
        var archives: Set<String> = []
        // The part of a run that was stopped is newer than the whole of the run before it.
        for file in ["manifest.jsonl", name, name + ".part"] {
            let path = folder.appending(file)
            guard try FileSystem.kind(of: path) == .file else { continue }
            let file = try ReadableFile(path)
            try LineReader.forEachLine(of: file) { line, offset in
                // A line that was cut by a crash is no record.
                guard let record = PictureRecord(line: Array(line)) else { return }
                places[record.name.hashValue] = Place(file: Int32(files.count), count: Int32(line.count), offset: offset)
                if let archive = record.archive { archives.insert(archive) }
            }
            files.append(file)
        }
        (self.files, self.places, self.archives) = (files, places, archives)
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
        try lines.append(Array("{\"schema\":\"isomer.prepare/1\"}\n".utf8))
    }

    deinit {
        part.withLock { try? $0.close() }
    }

    /// What an earlier run says about an input.
    func earlier(_ input: String) -> PictureRecord? {
        guard let place = places[input.hashValue], let line = try? files[Int(place.file)].bytes(at: place.offset, count: Int(place.count)),
            let record = PictureRecord(line: line), record.name == input
        else { return nil }
        return record
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

    /// Files that the finished manifest names, taken out of a set.
    func removeNamed(from files: inout Set<String>, _ named: (PictureRecord) -> [String]) throws(IsomerError) {
        try LineReader.forEachLine(of: ReadableFile(folder.appending(name))) { line, _ in
            for file in PictureRecord(line: Array(line)).map(named) ?? [] { files.remove(file) }
        }
    }
}

/// Goes through a file of lines a few megabytes at a time.
enum LineReader {
    /// Longer lines are no records, and are passed over.
    private static let longest = 64 << 20

    static func forEachLine(of file: ReadableFile, _ body: (_ line: ArraySlice<UInt8>, _ offset: UInt64) -> Void) throws(IsomerError) {
        var held: [UInt8] = []
        var start: UInt64 = 0
        while start + UInt64(held.count) < file.size {
            let next = start + UInt64(held.count)
            held += try file.bytes(at: next, count: Int(min(file.size - next, 4 << 20)))
            var from = 0
            while let end = held[from...].firstIndex(of: UInt8(ascii: "\n")) {
                if end > from { body(held[from..<end], start + UInt64(from)) }
                from = end + 1
            }
            held.removeFirst(from)
            start += UInt64(from)
            if held.count > longest {
                start += UInt64(held.count)
                held = []
            }
        }
        if !held.isEmpty { body(held[...], start) }
    }
}
