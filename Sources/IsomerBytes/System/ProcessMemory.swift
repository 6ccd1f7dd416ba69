#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The memory of this process.
public enum ProcessMemory {
    /// Bytes that are held now, read pages of mapped files included; `nil` where the system does not tell.
    ///
    /// Reference: Linux, proc(5), `/proc/pid/statm`: the second number is resident pages.
    public static var resident: UInt64? {
        #if os(Linux)
            guard let file = try? FileDescriptor.open("/proc/self/statm", .readOnly) else { return nil }
            defer { try? file.close() }
            var buffer = [UInt8](repeating: 0, count: 256)
            guard let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
            let numbers = String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: " ")
            guard numbers.count > 1, let pages = UInt64(numbers[1]), let size = UInt64(exactly: sysconf(Int32(_SC_PAGESIZE))) else {
                return nil
            }
            return pages.multipliedReportingOverflow(by: size).partialValue
        #else
            return nil
        #endif
    }
}
