import IsomerBytes
import IsomerGeneration
import Testing

@Suite struct NoiseTests {
    static let sizes = [1, 2, 15, 16, 17, 100, 3, 1024, 4099]
    static let seeds: [UInt64] = [0, 42, 4_294_967_295, 1_234_567_890_123]

    private func golden(_ name: String, _ seed: UInt64) throws -> [UInt32] {
        let bytes = try Fixtures.bytes("noise/\(name)-\(seed).bin")
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
        }
    }

    private func draws(_ generator: some NoiseGenerator) -> [UInt32] {
        var generator = generator
        return Self.sizes.flatMap { generator.normals($0) }.map(\.bitPattern)
    }

    @Test(arguments: seeds) func torchToTheLastBit(seed: UInt64) throws {
        #expect(draws(TorchNoise(seed: seed)) == (try golden("torch", seed)))
    }

    @Test(arguments: seeds) func numPyToTheLastBit(seed: UInt64) throws {
        #expect(draws(NumPyNoise(seed: UInt32(truncatingIfNeeded: seed))) == (try golden("numpy", seed)))
    }

    @Test(arguments: seeds) func philoxToTheLastBit(seed: UInt64) throws {
        #expect(draws(PhiloxNoise(seed: seed)) == (try golden("philox", seed)))
    }

    @Test func nothingIsDrawnForNothing() {
        var generator = TorchNoise(seed: 1)
        #expect(generator.normals(0) == [] && generator.normals(-3) == [])
    }
}
