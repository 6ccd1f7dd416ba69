public import IsomerBytes

/// The repository's fixtures.
public enum Fixtures {
    /// Where they are.
    public static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .appending("Fixtures")

    /// The path of a fixture.
    public static subscript(path: String) -> FilePath { root.pushing(FilePath(path)) }

    /// The names of the files in a folder of fixtures, sorted.
    public static func files(in folder: String, suffix: String) throws -> [String] {
        try FileSystem.entries(of: self[folder]).map(\.string).filter { $0.hasSuffix(suffix) }.sorted()
    }

    /// What a fixture holds.
    public static func bytes(_ path: String) throws -> [UInt8] {
        try ReadableFile(self[path]).contents(limit: 1 << 26)
    }

    /// What a compressed fixture, `path` and `.gz`, holds.
    public static func unpacked(_ path: String) throws -> [UInt8] {
        try Inflater.inflate(bytes(path + ".gz"), .gzip, size: .atMost(256 << 20))
    }
}
