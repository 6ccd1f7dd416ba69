internal import CBytes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A loop over independent items on several threads.
///
/// Threads and not Swift tasks, because the items read and write files and would block the few threads that all tasks share.
public struct Workers: Hashable, Sendable {
    /// Threads that work at the same time, the calling one included. At least 1.
    public let count: Int

    /// As many workers as said, or as there are processors that this process may use.
    public init(count: Int? = nil) {
        self.count = max(1, count ?? Workers.availableProcessors)
    }

    /// How many processors this process may use.
    public static var availableProcessors: Int { Int(isomer_available_processors()) }

    /// Does every item once and returns when all are done.
    ///
    /// Items begin in the order of their numbers, each on the next worker that is free. The calling thread is worker 0 and takes part, so with
    /// one worker or one item this is a plain loop. If an item throws, or the user asks to stop, no further item begins, and the error of the
    /// lowest-numbered item that failed is thrown once the running ones are done.
    ///
    /// - Parameters:
    ///   - items: how many there are.
    ///   - body: does one. It gets the item's number and the worker's, which is below `count` and belongs to one thread at a time: scratch
    ///     memory belongs into something with a place for each worker.
    public func run(_ items: Int, _ body: @Sendable (_ item: Int, _ worker: Int) throws(IsomerError) -> Void) throws(IsomerError) {
        // Every thread that gets the closure is joined before this returns, so it does not escape.
        let failure = withoutActuallyEscaping(body) { body in
            let job = Job(items: items, body: body)
            let threads = Workers.start(job, on: 1..<max(1, min(count, items)))
            job.work(as: 0)
            for thread in threads { pthread_join(thread, nil) }
            return job.failure
        }
        if let failure { throw failure }
    }

    /// Starts a thread for each worker. Where the system has no more of them, those that run do the rest.
    private static func start(_ job: Job, on workers: Range<Int>) -> [pthread_t] {
        guard !workers.isEmpty else { return [] }
        // Memory and not a variable: which module is said to define the type, and so its initializer, depends on what else is compiled.
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        // Plenty: nothing in this package recurses as deep as its input says.
        pthread_attr_setstacksize(attributes, 2 << 20)
        var threads: [pthread_t] = []
        for worker in workers {
            let argument = Unmanaged.passRetained(Start(job: job, worker: worker))
            #if canImport(Darwin)
                var thread: pthread_t?
                let code = pthread_create(&thread, attributes, { Start.run($0) }, argument.toOpaque())
            #else
                var thread = pthread_t()
                let code = pthread_create(&thread, attributes, { $0.flatMap(Start.run) }, argument.toOpaque())
            #endif
            guard code == 0 else {
                argument.release()
                break
            }
            #if canImport(Darwin)
                if let thread { threads.append(thread) }
            #else
                threads.append(thread)
            #endif
        }
        return threads
    }
}

/// What the workers of one loop share.
final class Job: Sendable {
    private let items: Int
    private let body: @Sendable (Int, Int) throws(IsomerError) -> Void
    private let next = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let first = Mutex<(item: Int, error: IsomerError)?>(nil)

    init(items: Int, body: @escaping @Sendable (Int, Int) throws(IsomerError) -> Void) {
        self.items = items
        self.body = body
    }

    var failure: IsomerError? { first.withLock { $0?.error } }

    func work(as worker: Int) {
        while !isStopped.load(ordering: .relaxed) {
            let item = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard item < items else { return }
            do throws(IsomerError) {
                try Interruption.check()
                try body(item, worker)
            } catch {
                isStopped.store(true, ordering: .relaxed)
                first.withLock { first in
                    if item < first?.item ?? .max { first = (item, error) }
                }
            }
        }
    }
}

/// What one thread is told: which job, and which worker it is.
private final class Start {
    private let job: Job
    private let worker: Int

    init(job: Job, worker: Int) {
        self.job = job
        self.worker = worker
    }

    /// The first function of a thread.
    static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        // SAFETY: `argument` is the retained `Start` made for this thread alone.
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.job.work(as: start.worker)
        return nil
    }
}
