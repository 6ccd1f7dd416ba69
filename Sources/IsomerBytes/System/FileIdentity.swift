#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Which file this is, and which state of it: two paths with equal identities lead to the same unchanged file.
public struct FileIdentity: Hashable, Sendable {
    /// The device the file lies on.
    public let device: UInt64
    /// The file's number on its device.
    public let inode: UInt64
    /// When it was last modified, in nanoseconds since 1970.
    public let modified: Int64

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        modified = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ Int64(time.tv_nsec)
    }

    /// Whether both are the same file, modified meanwhile or not.
    public func isSameFile(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode
    }
}
