public import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A folder for one test, removed with everything in it at the end.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: FilePath

    /// An empty folder in `parent`.
    public init(in parent: FilePath = "/tmp") throws {
        var template = parent.appending("isomer-test-XXXXXX").withPlatformString {
            Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
        }
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = FilePath(template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
    }

    deinit {
        removeAll(path)
    }

    /// The path of something in this folder.
    public subscript(name: String) -> FilePath { path.pushing(FilePath(name)) }

    /// Makes a file.
    @discardableResult
    public func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
        let descriptor = try FileDescriptor.open(
            self[name], .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
        return self[name]
    }

    /// Makes a folder.
    @discardableResult
    public func folder(_ name: String) throws -> FilePath {
        guard mkdir(self[name].string, 0o777) == 0 else { throw Errno(rawValue: errno) }
        return self[name]
    }

    /// Makes a symbolic link.
    @discardableResult
    public func link(_ name: String, to target: String) throws -> FilePath {
        guard symlink(target, self[name].string) == 0 else { throw Errno(rawValue: errno) }
        return self[name]
    }

    /// What a file holds.
    public func bytes(_ name: String) throws -> [UInt8] {
        try ReadableFile(self[name]).contents(limit: .max)
    }

    /// What is in this folder, hidden things included.
    public var names: [String] { get throws { try FileSystem.entries(of: path).map(\.string) } }

    private func removeAll(_ path: FilePath) {
        if unlink(path.string) == 0 { return }
        for name in (try? FileSystem.entries(of: path)) ?? [] { removeAll(path.appending(name)) }
        rmdir(path.string)
    }
}
