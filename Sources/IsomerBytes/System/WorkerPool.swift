internal import CBytes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// `Workers` that stay: for many short loops one after another, where starting threads for each would cost more than the loops.
///
/// Loops are begun by one thread at a time and do not nest.
public final class WorkerPool: Sendable {
    /// Threads that work at the same time, the calling one included.
    public let count: Int
    private let board: Board
    private let runs: ItemRuns
    private let heedsInterruption: Bool

    /// Starts all threads but the caller's. Where the system has no more of them, those that run do the work.
    ///
    /// Without `heedsInterruption` a loop that has begun is finished though the user asks to stop: the caller looks between loops.
    public init(_ workers: Workers = Workers(), heedsInterruption: Bool = true) {
        count = workers.count
        self.heedsInterruption = heedsInterruption
        let board = Board()
        board.threads = SystemThread.crew(of: workers.count, board.serve)
        self.board = board
        runs = ItemRuns(workers: board.threads.count + 1)
    }

    deinit {
        board.close()
        for thread in board.threads { thread.join() }
    }

    /// Does every item once and returns when all are done, with the promises of `Workers.run` but for the order: each worker begins with its own
    /// run of neighbouring items, in loops of as many items the same. Of items that throw, the lowest-numbered one's error is thrown.
    ///
    /// - Parameter items: fewer than 2³².
    public func run(_ items: Int, _ body: @Sendable (_ item: Int, _ worker: Int) throws(IsomerError) -> Void) throws(IsomerError) {
        guard let dealt = UInt32(exactly: items) else {
            throw IsomerError(.limitExceeded, "a loop has too many items", expected: "fewer than 2³²", found: "\(items)")
        }
        runs.deal(dealt)
        // No thread keeps the closure: all have left the job before this returns.
        let failure = withoutActuallyEscaping(body) { body in
            let job = Job(runs, heedsInterruption: heedsInterruption, body: body)
            let isShared = items > 1 && !board.threads.isEmpty
            if isShared { board.post(job) }
            job.work(as: 0)
            if isShared { board.settle() }
            return job.failure
        }
        if let failure { throw failure }
    }
}

/// Where jobs are posted.
///
/// Threads look at the two counters for a while before they sleep, since the next loop mostly follows at once. Between threads that look
/// there is neither lock nor call of the system: the mutex and its conditions are for those who sleep.
private final class Board: @unchecked Sendable {
    // SAFETY (@unchecked): `job` and `isClosed` are written by the one who posts, before `round` goes up, and `job` again once `busy` is zero.
    // Members read them only from when they see the new round until they leave `busy`. `threads` is set before the first job and not changed
    // after.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let posted: UnsafeMutablePointer<pthread_cond_t>
    private let settled: UnsafeMutablePointer<pthread_cond_t>
    private let round = Atomic<Int>(0)
    private let busy = Atomic<Int>(0)
    // Whoever is going to sleep says so first and then looks once more; whoever changes a counter does that first and then looks for sleepers.
    // All four in one order for all threads, so that one of the two sees the other.
    private let sleepers = Atomic<Int>(0)
    private let isAwaited = Atomic<Bool>(false)
    private var job: Job<ItemRuns>?
    private var isClosed = false
    var threads: [SystemThread] = []

    /// Nanoseconds of looking before sleeping: several times what waking a thread takes, and what threads of one loop may end apart.
    private static let patience = 200_000

    /// Looks at a counter until it is as wanted, for a short time. Whether it is.
    private func watch(_ isReady: () -> Bool) -> Bool {
        let start = Self.nanoseconds()
        repeat {
            for _ in 0..<200 {
                if isReady() { return true }
                isomer_pause()
            }
            // Whoever is waited for may wait for this very processor.
            sched_yield()
        } while Self.nanoseconds() - start < Self.patience
        return false
    }

    private static func nanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    init() {
        mutex = .allocate(capacity: 1)
        posted = .allocate(capacity: 1)
        settled = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(posted, nil)
        pthread_cond_init(settled, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(posted)
        pthread_cond_destroy(settled)
        mutex.deallocate()
        posted.deallocate()
        settled.deallocate()
    }

    func post(_ job: Job<ItemRuns>) {
        self.job = job
        busy.store(threads.count, ordering: .relaxed)
        beginRound()
    }

    private func beginRound() {
        round.add(1, ordering: .sequentiallyConsistent)
        guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(posted)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until all members have left the job.
    func settle() {
        if !watch({ busy.load(ordering: .acquiring) == 0 }) {
            pthread_mutex_lock(mutex)
            isAwaited.store(true, ordering: .sequentiallyConsistent)
            while busy.load(ordering: .sequentiallyConsistent) != 0 { pthread_cond_wait(settled, mutex) }
            isAwaited.store(false, ordering: .relaxed)
            pthread_mutex_unlock(mutex)
        }
        job = nil
    }

    func close() {
        isClosed = true
        beginRound()
    }

    /// A member's life.
    func serve(as worker: Int) {
        var seen = 0
        while work(as: worker, after: &seen) {
            guard busy.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { continue }
            guard isAwaited.load(ordering: .sequentiallyConsistent) else { continue }
            pthread_mutex_lock(mutex)
            pthread_cond_signal(settled)
            pthread_mutex_unlock(mutex)
        }
    }

    /// Does the next job. Has let go of it on return, so that none is held once the last member has left. False when there will be no more.
    @inline(never)
    private func work(as worker: Int, after seen: inout Int) -> Bool {
        guard let job = next(after: &seen) else { return false }
        job.work(as: worker)
        return true
    }

    private func next(after seen: inout Int) -> Job<ItemRuns>? {
        let before = seen
        if !watch({ round.load(ordering: .acquiring) != before }) {
            pthread_mutex_lock(mutex)
            sleepers.add(1, ordering: .sequentiallyConsistent)
            while round.load(ordering: .sequentiallyConsistent) == before { pthread_cond_wait(posted, mutex) }
            sleepers.subtract(1, ordering: .relaxed)
            pthread_mutex_unlock(mutex)
        }
        seen = round.load(ordering: .acquiring)
        return isClosed ? nil : job
    }
}
