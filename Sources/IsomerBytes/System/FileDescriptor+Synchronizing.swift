internal import CBytes
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension FileDescriptor {
    /// Waits until what was written is on the device, however often a signal comes between. Throws `Errno`.
    public func synchronize() throws {
        while isomer_sync(rawValue) != 0 {
            let failure = Errno(rawValue: errno)
            guard failure == .interrupted else { throw failure }
        }
    }
}
