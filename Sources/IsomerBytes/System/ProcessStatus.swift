#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What the system tells of a process by its number.
public struct ProcessStatus: Sendable {
    /// When it started, in clock ticks since the machine did.
    public let start: UInt64
    /// Whether it has ended, and only its number is kept until its parent asks how: in a container that may be never.
    public let isOver: Bool

    /// `nil` where the system does not tell.
    ///
    /// Reference: Linux, proc(5), `/proc/pid/stat`: the third field is the state, the 22nd the start.
    public init?(of process: Int32) {
        guard let descriptor = try? FileDescriptor.open(FilePath("/proc/\(process)/stat"), .readOnly, options: [.closeOnExec]) else {
            return nil
        }
        defer { try? descriptor.close() }
        let text = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            String(decoding: buffer[..<((try? descriptor.read(into: buffer)) ?? 0)], as: UTF8.self)
        }
        // The second field is the program's name in parentheses and may hold anything, so counting starts behind the last parenthesis.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        self.start = start
        isOver = ["Z", "X", "x"].contains(fields[0])
    }

    /// Whether no process of that number runs any more.
    public static func isGone(_ process: Int32) -> Bool {
        // Signal 0 only asks. Whose process it is does not matter: EPERM means that there is one.
        if kill(process, 0) != 0, errno == ESRCH { return true }
        return ProcessStatus(of: process)?.isOver ?? false
    }
}
