public import IsomerBytes

/// One picture of a batch: a file, or a member of an archive.
public struct PictureInput: Hashable, Sendable {
    /// Its path inside the folder or archive it was found in, with slashes; what comes out is named after it.
    public var name: String
    /// The file that holds it.
    public var path: FilePath
    /// Where in that file it lies; nil for all of it.
    public var range: TarIndex.Member?
    /// Texts that lie beside it in the archive, by extension.
    public var companions: [String: TarIndex.Member] = [:]

    /// The name without its last extension.
    public var stem: String { PictureInputs.split(name).stem }

    /// The file beside the picture that has its name, whatever bytes these are, and another ending; nil if such a name would be too long.
    func sibling(_ ending: String) -> FilePath? {
        var bytes = path.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: path.length)) }
        let slash = CInterop.PlatformChar(UInt8(ascii: "/"))
        let dot = CInterop.PlatformChar(UInt8(ascii: "."))
        let start = bytes.lastIndex(of: slash).map { $0 + 1 } ?? 0
        if let end = bytes[start...].lastIndex(of: dot), end != start { bytes.removeSubrange(end...) }
        bytes += ".\(ending)".utf8.map { CInterop.PlatformChar(truncatingIfNeeded: $0) }
        return bytes.count - start <= Self.longestName ? FilePath(platformString: bytes + [0]) : nil
    }

    /// The most bytes of a name that file systems allow.
    private static let longestName = 255

    /// The bytes of the file or the archive's member.
    func contents(limit: UInt64) throws(IsomerError) -> [UInt8] {
        let file = try ReadableFile(path)
        guard let range else { return try file.contents(limit: limit) }
        guard range.size <= limit else {
            throw IsomerError(.limitExceeded, "the picture takes more bytes than a picture may", item: range.name)
        }
        return try file.bytes(at: range.offset, count: Int(range.size))
    }
}
