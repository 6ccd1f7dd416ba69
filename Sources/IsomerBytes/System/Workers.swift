internal import CBytes
internal import Synchronization

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
            let job = Job(ItemQueue(items), body: body)
            let threads = SystemThread.crew(of: max(1, min(count, items)), job.work)
            job.work(as: 0)
            for thread in threads { thread.join() }
            return job.failure
        }
        if let failure { throw failure }
    }

    /// What `body` makes of each item, by their numbers; with the promises of `run`.
    public func map<Result: Sendable>(
        _ items: Int, _ body: @Sendable (_ item: Int) throws(IsomerError) -> Result
    ) throws(IsomerError) -> [Result] {
        let made = Mutex([Result?](repeating: nil, count: items))
        try run(items) { item, _ throws(IsomerError) in
            let result = try body(item)
            made.withLock { $0[item] = result }
        }
        return made.withLock { $0.compactMap(\.self) }
    }
}

/// What the workers of one loop share.
final class Job<Order: ItemOrder>: Sendable {
    private let order: Order
    private let heedsInterruption: Bool
    private let body: @Sendable (Int, Int) throws(IsomerError) -> Void
    private let isStopped = Atomic<Bool>(false)
    private let first = Mutex<(item: Int, error: IsomerError)?>(nil)

    init(_ order: Order, heedsInterruption: Bool = true, body: @escaping @Sendable (Int, Int) throws(IsomerError) -> Void) {
        self.order = order
        self.heedsInterruption = heedsInterruption
        self.body = body
    }

    var failure: IsomerError? { first.withLock { $0?.error } }

    func work(as worker: Int) {
        while !isStopped.load(ordering: .relaxed), let item = order.next(for: worker) {
            do throws(IsomerError) {
                if heedsInterruption { try Interruption.check() }
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
