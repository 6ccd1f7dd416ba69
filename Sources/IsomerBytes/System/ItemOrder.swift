internal import Synchronization

/// Which item of a loop a worker does next.
protocol ItemOrder: AnyObject, Sendable {
    /// An item that nobody has had, or nil once there is none left for this worker.
    func next(for worker: Int) -> Int?
}

/// Items by their numbers, each for the worker that asks next.
final class ItemQueue: ItemOrder {
    private let items: Int
    private let begun = Atomic<Int>(0)

    init(_ items: Int) { self.items = items }

    func next(for worker: Int) -> Int? {
        let item = begun.wrappingAdd(1, ordering: .relaxed).oldValue
        return item < items ? item : nil
    }
}

/// A run of neighbouring items for each worker, the same in every loop of as many items: what lies side by side in memory is touched by one core,
/// and by the same core again. A worker that has done its run takes the later half of what another has left.
final class ItemRuns: ItemOrder {
    private let runs: [Run]

    init(workers: Int) { runs = (0..<workers).map { _ in Run() } }

    /// Begins a loop. Nobody may be asking meanwhile.
    func deal(_ items: UInt32) {
        let (items, count) = (UInt64(items), UInt64(runs.count))
        for (worker, run) in runs.enumerated() {
            let worker = UInt64(worker)
            run.set(UInt32(items * worker / count), UInt32(items * (worker + 1) / count))
        }
    }

    func next(for worker: Int) -> Int? {
        if let item = runs[worker].takeFirst() { return Int(item) }
        for other in 1..<runs.count {
            guard let (first, end) = runs[(worker + other) % runs.count].takeLaterHalf() else { continue }
            runs[worker].set(first + 1, end)
            return Int(first)
        }
        return nil
    }
}

/// Items of one worker, who takes the first; others take the last.
private final class Run: Sendable {
    /// The first item above the end, in one word. None but an empty run's comes back in the same loop, since a first item is gone once it is taken:
    /// comparing with what was there before suffices.
    private let word = Atomic<UInt64>(0)

    /// Of an empty run, by its worker.
    func set(_ first: UInt32, _ end: UInt32) { word.store(UInt64(first) << 32 | UInt64(end), ordering: .relaxed) }

    func takeFirst() -> UInt32? { change { first, end in (first + 1, end) }?.first }

    func takeLaterHalf() -> (first: UInt32, end: UInt32)? {
        guard let (first, end) = change({ first, end in (first, first + (end - first) / 2) }) else { return nil }
        return (first + (end - first) / 2, end)
    }

    /// What there was before the change, unless there was nothing.
    private func change(_ left: (UInt32, UInt32) -> (UInt32, UInt32)) -> (first: UInt32, end: UInt32)? {
        var before = word.load(ordering: .relaxed)
        while true {
            let (first, end) = (UInt32(before >> 32), UInt32(truncatingIfNeeded: before))
            guard first < end else { return nil }
            let after = left(first, end)
            let attempt = word.weakCompareExchange(
                expected: before, desired: UInt64(after.0) << 32 | UInt64(after.1), ordering: .relaxed)
            if attempt.exchanged { return (first, end) }
            before = attempt.original
        }
    }
}
