import IsomerBytes
import Testing

@testable import IsomerCompute

@Suite struct ArenaTests {
    /// Takes and gives back in a tangled order.
    private func use(_ computation: Computation) throws {
        var held: [Tensor] = []
        var random = Numbers(3)
        for _ in 0..<300 {
            if held.count > 6 || (!held.isEmpty && random.size(3) == 1) { held.remove(at: random.size(held.count) - 1) }
            held.append(try computation.tensor([random.size(5000)]))
            held[held.count - 1].address?.update(repeating: Float(held.count), count: held[held.count - 1].count)
        }
    }

    @Test func planTellsWhatThePassTakes() throws {
        let plan = Computation.plan()
        try use(plan)
        let pass = try Computation(planned: plan.peak)
        try use(pass)
        #expect(pass.peak == plan.peak)
        #expect(plan.peak < 10 * 20_064)
    }

    @Test func placesDoNotOverlap() throws {
        let pass = try Computation(planned: 4096)
        var held: [Tensor] = []
        for round in 0..<40 {
            held.append(try pass.tensor([64], Array(repeating: Float(round), count: 64)))
            if round % 3 == 2 { held.remove(at: held.count - 2) }
            #expect(held.allSatisfy { Set($0.values).count == 1 })
        }
    }

    /// Small memory and large, which come from elsewhere, in turn.
    @Test func memoryIsAlignedAndOnesOwn() throws {
        var held: [(address: UnsafeMutableRawPointer, count: Int)] = []
        for round in 0..<60 {
            let count = [0, 1, 63, 64, 4095, 1 << 20, 4 << 20, (4 << 20) + 1, 9_999_999, (16 << 20) - 1][round % 10]
            let address = try Arena.allocate(count)
            #expect(UInt(bitPattern: address) % 64 == 0)
            address.initializeMemory(as: UInt8.self, repeating: UInt8(round), count: count)
            held.append((address, count))
            guard round % 3 == 2 else { continue }
            let (old, size) = held.remove(at: held.count / 2)
            if size > 0 { #expect(old.load(as: UInt8.self) == (old + size - 1).load(as: UInt8.self)) }
            Arena.release(old)
        }
        for (address, count) in held {
            let bytes = UnsafeRawBufferPointer(start: address, count: count)
            #expect(bytes.allSatisfy { $0 == bytes.first })
            Arena.release(address)
        }
        Arena.release(nil)
        #expect(throws: IsomerError.self) { try Arena.allocate(Int.max) }
        #expect(throws: IsomerError.self) { try Arena.allocate(1 << 60) }
    }

    @Test func tooLittleMemoryIsSaidInThePlan() throws {
        let plan = Computation.plan(memory: 1000)
        _ = try plan.tensor([100])
        #expect(throws: IsomerError.self) { try plan.tensor([1000]) }
        #expect(throws: IsomerError.self) { try plan.tensor([Int.max, 2]) }
        #expect(throws: IsomerError.self) { try plan.tensor([-1]) }
    }
}
