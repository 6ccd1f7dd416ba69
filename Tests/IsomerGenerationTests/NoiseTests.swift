import IsomerBytes
import Testing

@testable import IsomerGeneration

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

    /// Flux's scheduler draws for tokens of two by two pixels, `[row, column, channel, y, x]`: pipeline_flux.py `_pack_latents`.
    @Test func noiseInTokens() {
        var request = GenerationRequest()
        request.seed = 7
        var noise = ImageNoise(request, image: 0)
        let (height, width, channels) = (4, 6, 3)
        var generator = TorchNoise(seed: 7)
        let drawn = generator.normals(height * width * channels)
        let made = noise.next([height, width, channels], inTokensOf: 2)
        var place = 0
        for row in 0..<2 {
            for column in 0..<3 {
                for channel in 0..<channels {
                    for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                        #expect(made.numbers[((2 * row + y) * width + 2 * column + x) * channels + channel] == drawn[place])
                        place += 1
                    }
                }
            }
        }
        var (one, other) = (noise, noise)
        #expect(one.next([4, 6, 3], inTokensOf: 1).numbers == other.next([4, 6, 3]).numbers)
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

    @Test(arguments: [(TorchNoise.Precision.float16, "float16"), (.bfloat16, "bfloat16")])
    func torchInHalfPrecisionToTheLastBit(precision: TorchNoise.Precision, name: String) throws {
        let bytes = try Fixtures.bytes("noise/\(name).bin")
        let expected = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
        var generator = TorchNoise(seed: 42, precision)
        let found = [1, 15, 16, 17, 100, 3, 48, 71].flatMap { generator.normals($0) }
        #expect(found.map { precision == .float16 ? Float16($0).bitPattern : UInt16($0.bitPattern >> 16) } == expected)
        #expect(found.allSatisfy { precision == .float16 || $0.bitPattern & 0xFFFF == 0 })
    }

    @Test func variationsAreA1111s() throws {
        let cases = JSONCursor(try JSONValue(parsing: Fixtures.bytes("noise/variations.json")))
        for golden in try cases.elements() {
            func sizes(_ key: String) throws -> [Int] { try golden.optional(key)?.elements().map { try $0.integer() } ?? [] }
            func floats(_ key: String) throws -> [Float] { try golden.required(key).elements().map { Float(try $0.double()) } }
            let (shape, drawn) = (try sizes("shape"), try sizes("drawn"))
            var start = InitialNoise(seed: UInt64(try golden.required("seed").integer()))
            if let seed = try golden.optional("subseed") {
                start.variation = .init(seed: UInt64(try seed.integer()), strength: try golden.required("strength").double())
            }
            if drawn.count == 2 { start.drawnSize = (drawn[0], drawn[1]) }
            start.samplerDelta = try golden.optional("delta")?.integer() ?? 0
            var (noise, generator) = start.drawn(channels: shape[0], height: shape[1], width: shape[2]) { TorchNoise(seed: $0) }
            let expected = try floats("noise")
            #expect(noise.count == expected.count && zip(noise, expected).allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($1)) })
            #expect(generator.normals(4) == (try floats("next")))
        }
    }

    /// Where both noises are the same there is no angle between them.
    @Test func aVariationOnItselfIsItself() {
        var start = InitialNoise(seed: 5, variation: .init(seed: 5, strength: 0.25))
        let plain = InitialNoise(seed: 5).drawn(channels: 4, height: 3, width: 2) { TorchNoise(seed: $0) }.noise
        #expect(zip(start.drawn(channels: 4, height: 3, width: 2) { TorchNoise(seed: $0) }.noise, plain).allSatisfy { abs($0 - $1) < 1e-6 })
        start.variation = .init(seed: 6, strength: 0)
        #expect(start.drawn(channels: 4, height: 3, width: 2) { TorchNoise(seed: $0) }.noise == plain)
    }

    /// Increments of one path add up, in whatever pieces and order they are asked for.
    @Test func aPathIsOnePath() {
        let path = BrownianPath(seed: 9, from: 0.03, to: 14.6)
        func increment(_ start: Float, _ end: Float) -> [Float] {
            path.noise(24, from: start, to: end).map { $0 * (start - end).squareRoot() }
        }
        let whole = increment(14.6, 0.03)
        let pieces = [increment(2.5, 0.03), increment(14.6, 7.123456), increment(7.123456, 2.5)]
        for index in whole.indices { #expect(abs(pieces.reduce(0) { $0 + $1[index] } - whole[index]) < 1e-5) }
        #expect(path.noise(24, from: 3, to: 3) == [Float](repeating: 0, count: 24))
        #expect(BrownianPath(seed: 10, from: 0.03, to: 14.6).noise(24, from: 5, to: 1) != path.noise(24, from: 5, to: 1))
    }
}
