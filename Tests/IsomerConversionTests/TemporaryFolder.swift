import IsomerBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A folder for one test, removed with everything the test put in it at the end.
final class TemporaryFolder: Sendable {
    let path: FilePath

    init() throws {
        var template = FilePath("/tmp/isomer-test-XXXXXX").withPlatformString {
            Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
        }
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = FilePath(template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
    }

    deinit {
        removeAll(path)
    }

    /// The path of something in this folder.
    subscript(name: String) -> FilePath { path.pushing(FilePath(name)) }

    /// Makes a file.
    @discardableResult
    func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
        let descriptor = try FileDescriptor.open(
            self[name], .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
        return self[name]
    }

    @discardableResult
    func folder(_ name: String) throws -> FilePath {
        guard mkdir(self[name].string, 0o777) == 0 else { throw Errno(rawValue: errno) }
        return self[name]
    }

    @discardableResult
    func link(_ name: String, to target: String) throws -> FilePath {
        guard symlink(target, self[name].string) == 0 else { throw Errno(rawValue: errno) }
        return self[name]
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try ReadableFile(self[name]).contents(limit: .max)
    }

    private func removeAll(_ path: FilePath) {
        if unlink(path.string) == 0 { return }
        for name in (try? entries(of: path)) ?? [] { removeAll(path.appending(name)) }
        rmdir(path.string)
    }
}

/// The repository's fixtures.
enum Fixtures {
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().appending("Fixtures")

    /// The names of the files in a folder of fixtures, sorted.
    static func files(in folder: String, suffix: String) throws -> [String] {
        try entries(of: root.pushing(FilePath(folder))).filter { $0.hasSuffix(suffix) }.sorted()
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        try ReadableFile(root.pushing(FilePath(path))).contents(limit: 1 << 26)
    }
}

private func entries(of folder: FilePath) throws -> [String] {
    guard let directory = opendir(folder.string) else { throw Errno(rawValue: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// The error that `body` throws.
func error(of body: () throws -> Void) -> IsomerError? {
    do {
        try body()
        return nil
    } catch {
        return error as? IsomerError
    }
}
