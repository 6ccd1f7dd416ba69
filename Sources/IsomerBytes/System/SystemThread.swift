#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A thread of the system's own, for work that may block.
struct SystemThread: @unchecked Sendable {
    // SAFETY (@unchecked): the system's handle of a thread, which it may be joined by from any other.
    private let handle: pthread_t

    /// Starts a thread for each worker of a crew of `count` but the first, which is the caller. Where the system has no more of them, those
    /// that run must do the rest.
    static func crew(of count: Int, _ body: @escaping @Sendable (_ worker: Int) -> Void) -> [SystemThread] {
        var threads: [SystemThread] = []
        for worker in 1..<max(1, count) {
            guard let thread = SystemThread({ body(worker) }) else { break }
            threads.append(thread)
        }
        return threads
    }

    /// `nil` where the system has no more threads.
    private init?(_ body: @escaping @Sendable () -> Void) {
        // Memory and not a variable: which module is said to define the type, and so its initializer, depends on what else is compiled.
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        // Plenty: nothing in this package recurses as deep as its input says.
        pthread_attr_setstacksize(attributes, 2 << 20)
        let argument = Unmanaged.passRetained(Body(body))
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = pthread_create(&thread, attributes, { Body.run($0) }, argument.toOpaque())
        #else
            var thread = pthread_t()
            let code = pthread_create(&thread, attributes, { $0.flatMap(Body.run) }, argument.toOpaque())
        #endif
        guard code == 0 else {
            argument.release()
            return nil
        }
        #if canImport(Darwin)
            guard let thread else { return nil }
        #endif
        handle = thread
    }

    /// Waits for its end.
    func join() {
        pthread_join(handle, nil)
    }

    /// What a thread does, where a pointer can lead to it.
    private final class Body {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }

        /// The first function of a thread.
        static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
            // SAFETY: `argument` is the retained `Body` made for this thread alone.
            Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }
    }
}
