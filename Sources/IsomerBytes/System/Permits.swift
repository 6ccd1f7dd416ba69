#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A number of permits: as many threads do something at the same time as there are, the others wait for one.
public final class Permits: @unchecked Sendable {
    // SAFETY (@unchecked): `free` is read and written with the mutex held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let returned: UnsafeMutablePointer<pthread_cond_t>
    private var free: Int

    /// At least one.
    public init(_ count: Int) {
        free = max(1, count)
        mutex = .allocate(capacity: 1)
        returned = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(returned, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(returned)
        mutex.deallocate()
        returned.deallocate()
    }

    /// Does `body` with a permit, which comes back however that ends. Does not nest.
    public func hold<Result>(_ body: () throws(IsomerError) -> Result) throws(IsomerError) -> Result {
        pthread_mutex_lock(mutex)
        while free == 0 { pthread_cond_wait(returned, mutex) }
        free -= 1
        pthread_mutex_unlock(mutex)
        defer {
            pthread_mutex_lock(mutex)
            free += 1
            pthread_cond_signal(returned)
            pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}
