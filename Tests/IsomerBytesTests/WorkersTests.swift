import IsomerBytes
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct WorkersTests {
    @Test(arguments: [1, 2, 7, 64])
    func everyItemIsDoneOnce(count: Int) throws {
        let workers = Workers(count: count)
        let done = Mutex([Int](repeating: 0, count: 1000))
        let seen = Mutex(Set<Int>())
        try workers.run(1000) { (item, worker) throws(IsomerError) in
            done.withLock { $0[item] += 1 }
            _ = seen.withLock { $0.insert(worker) }
        }
        #expect(done.withLock { $0 } == [Int](repeating: 1, count: 1000))
        #expect(seen.withLock { $0 }.isSubset(of: Set(0..<count)))
    }

    @Test func noItemsAreFine() throws {
        try Workers(count: 4).run(0) { (_, _) throws(IsomerError) in throw IsomerError(.usage, "never") }
        #expect(Workers(count: 0).count == 1)
        #expect(Workers().count >= 1)
    }

    @Test func twoWorkersRunAtTheSameTime() throws {
        let arrived = Atomic<Int>(0)
        try Workers(count: 2).run(2) { (_, _) throws(IsomerError) in
            arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
            // Would never end if one thread did both.
            while arrived.load(ordering: .sequentiallyConsistent) < 2 {}
        }
    }

    @Test func anErrorStopsTheRestAndTheLowestItemIsTold() {
        let began = Atomic<Int>(0)
        let failure = error {
            try Workers(count: 4).run(1_000_000) { (item, _) throws(IsomerError) in
                began.wrappingAdd(1, ordering: .relaxed)
                if item >= 10 { throw IsomerError(.mismatch, "\(item)") }
            }
        }
        #expect(failure == IsomerError(.mismatch, "10"))
        #expect(began.load(ordering: .relaxed) <= 14)
    }

    @Test func runsWithinRuns() throws {
        let sum = Atomic<Int>(0)
        try Workers(count: 3).run(5) { (_, _) throws(IsomerError) in
            try Workers(count: 3).run(5) { (item, _) throws(IsomerError) in sum.wrappingAdd(item, ordering: .relaxed) }
        }
        #expect(sum.load(ordering: .relaxed) == 50)
    }

    @Test(arguments: [1, 2, 5]) func aPoolDoesLoopAfterLoop(count: Int) throws {
        let pool = WorkerPool(Workers(count: count))
        #expect(pool.count == count)
        for round in 0..<2000 {
            let items = round % 7
            let done = Mutex([Int](repeating: 0, count: items))
            try pool.run(items) { (item, worker) throws(IsomerError) in
                if worker < count { done.withLock { $0[item] += 1 } }
            }
            #expect(done.withLock { $0 } == [Int](repeating: 1, count: items))
        }
    }

    @Test func aPoolSleepsWakesAndOutlivesErrors() throws {
        let pool = WorkerPool(Workers(count: 3))
        let arrived = Atomic<Int>(0)
        for round in 1...3 {
            let failed = Mutex<[Int]>([])
            let failure = error {
                try pool.run(1000) { (item, _) throws(IsomerError) in
                    guard item % 100 == 5 else { return }
                    failed.withLock { $0.append(item) }
                    throw IsomerError(.mismatch, "\(item)")
                }
            }
            let lowest = try #require(failed.withLock { $0.min() })
            #expect(failure == IsomerError(.mismatch, "\(lowest)"))
            // Longer than threads look out for the next loop.
            var pause = timespec(tv_sec: 0, tv_nsec: 5_000_000)
            nanosleep(&pause, nil)
            try pool.run(3) { (_, _) throws(IsomerError) in
                arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
                // Would never end without all three threads.
                while arrived.load(ordering: .sequentiallyConsistent) < round * 3 {}
            }
        }
    }

    @Test func workersOfAPoolBeginWithTheirOwnRunsAndHelpEachOther() throws {
        let pool = WorkerPool(Workers(count: 3))
        for _ in 0..<50 {
            let did = Mutex([[Int]](repeating: [], count: 3))
            let met = Atomic<Int>(0)
            try pool.run(300) { (item, worker) throws(IsomerError) in
                let isFirst = did.withLock { did in
                    did[worker].append(item)
                    return did[worker].count == 1
                }
                if isFirst { met.wrappingAdd(1, ordering: .sequentiallyConsistent) }
                // Nobody takes from others before all have begun, and the first worker stays with its first item until all else is done.
                while met.load(ordering: .sequentiallyConsistent) < 3 {}
                while item == 0, did.withLock({ $0.joined().count }) < 300 {}
            }
            let done = did.withLock { $0 }
            #expect(done.map { $0.first } == [0, 100, 200])
            #expect(done[0] == [0])
            #expect(done.joined().sorted() == Array(0..<300))
        }
    }

    @Test func aPoolRefusesLoopsThatCannotEnd() throws {
        let failure = error { try WorkerPool(Workers(count: 2)).run(1 << 32) { (_, _) in } }
        #expect(failure?.code == .limitExceeded)
    }
}
