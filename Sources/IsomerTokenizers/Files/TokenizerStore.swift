internal import IsomerBytes

/// Where the files of a tokenizer are: a folder, or memory.
struct TokenizerStore: Sendable {
    /// What errors call it.
    let path: FilePath
    private let held: [String: [UInt8]]?
    private let limits: Limits

    init(folder: FilePath, limits: Limits) {
        path = folder
        held = nil
        self.limits = limits
    }

    init(_ files: [Tokenizer.File], path: FilePath, limits: Limits) {
        self.path = path
        held = Dictionary(files.map { ($0.name, $0.bytes) }) { first, _ in first }
        self.limits = limits
    }

    /// The bytes of a file, or `nil` if it is not there.
    func bytes(_ name: String) throws(IsomerError) -> [UInt8]? {
        if let held { return held[name] }
        let file = path.appending(name)
        guard (try? FileSystem.kind(of: file)) == .file else { return nil }
        return try ReadableFile(file).contents(limit: limits.jsonBytes)
    }

    /// Whether a file is there.
    func has(_ name: String) -> Bool {
        if let held { return held[name] != nil }
        return (try? FileSystem.kind(of: path.appending(name))) == .file
    }

    /// A file as JSON, or `nil` if it is not there. Python writes these files.
    func json(_ name: String) throws(IsomerError) -> JSONCursor? {
        guard let bytes = try bytes(name) else { return nil }
        let file = path.appending(name)
        do throws(IsomerError) {
            return JSONCursor(try JSONValue(parsing: bytes, dialect: .python, limits: limits), path: file)
        } catch {
            throw error.inFile(file)
        }
    }
}
