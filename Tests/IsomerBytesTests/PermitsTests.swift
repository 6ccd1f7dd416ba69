import IsomerBytes
import Synchronization
import Testing

@Suite struct PermitsTests {
    /// However many threads want one, no more hold one than there are; and what fails gives its permit back.
    @Test func noMoreThanThereAre() throws {
        let permits = Permits(2)
        let inside = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let failures = Atomic<Int>(0)
        try Workers(count: 8).run(400) { (item, _) throws(IsomerError) in
            do throws(IsomerError) {
                try permits.hold { () throws(IsomerError) in
                    let now = inside.add(1, ordering: .relaxed).newValue
                    most.max(now, ordering: .relaxed)
                    inside.subtract(1, ordering: .relaxed)
                    if item % 7 == 0 { throw IsomerError(.usage, "on purpose") }
                }
            } catch {
                failures.add(1, ordering: .relaxed)
            }
        }
        #expect(most.load(ordering: .relaxed) <= 2)
        #expect(failures.load(ordering: .relaxed) == 58)
    }

    @Test func atLeastOne() throws {
        #expect(try Permits(0).hold { 7 } == 7)
    }
}
