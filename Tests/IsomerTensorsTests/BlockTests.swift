import IsomerBytes
import Testing

@testable import IsomerTensors

@Suite struct BlockTests {
    static let blockTypes: [ScalarType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K]
    static let writable = blockTypes.filter(\.isWritableBlock)

    /// Numbers of several kinds: ordinary, of many magnitudes, sparse, flat, positive, whole, tiny, none.
    static func samples() -> [(name: String, values: [Float])] {
        var generator = SplitMix(state: 7)
        func normal() -> Float { (0..<4).reduce(-2) { sum, _ in sum + generator.unit() } }
        let count = 256 * 11
        return [
            ("normal", (0..<count).map { _ in normal() * 0.02 }),
            ("magnitudes", (0..<count).map { i in normal() * (Float(sign: .plus, exponent: (i / 16) % 40 - 34, significand: 1.3)) }),
            ("sparse", (0..<count).map { _ in generator.unit() < 0.9 ? 0 : normal() }),
            ("flat", (0..<count).map { i in Float(i / 64 % 5) - 2 }),
            ("positive", (0..<count).map { _ in 3 + generator.unit() }),
            ("whole", (0..<count).map { _ in Float(Int(generator.unit() * 9) - 4) }),
            ("opposite", (0..<count).map { i in i % 2 == 0 ? 0.5 : -0.5 }),
            ("tiny", (0..<count).map { _ in normal() * 1e-20 }),
            ("zero", [Float](repeating: 0, count: count)),
            ("negative zero", [Float](repeating: -0.0, count: count)),
        ]
    }

    private func quantized(_ values: [Float], _ type: ScalarType, _ level: KernelLevel) throws -> [UInt8] {
        let size = try #require(type.byteCount(of: values.count))
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            try values.withUnsafeBytes { input in
                _ = try Cast(from: .f32, to: type)
                    .apply(input, UnsafeMutableRawBufferPointer(buffer), elementCount: values.count, level: level)
            }
            filled = size
        }
    }

    private func restored(_ bytes: [UInt8], _ type: ScalarType, _ level: KernelLevel) throws -> [Float] {
        let group = type.group
        let count = bytes.count / group.byteCount * group.elementCount
        return try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            try bytes.withUnsafeBytes { input in
                _ = try Cast(from: type, to: .f32)
                    .apply(input, UnsafeMutableRawBufferPointer(buffer), elementCount: count, level: level)
            }
            filled = count
        }
    }

    @Test(arguments: KernelLevel.available, writable)
    func kernelsMakeTheReferencesBlocks(level: KernelLevel, type: ScalarType) throws {
        for (name, values) in Self.samples() {
            // The last block of an odd number stands alone in lanes for two.
            for count in [values.count, type.group.elementCount] {
                let part = Array(values[..<count])
                let expected = try #require(BlockReference.blocks(of: part, as: type))
                #expect(try quantized(part, type, level) == expected, "\(name), \(count) elements")
            }
        }
    }

    @Test(arguments: KernelLevel.available, blockTypes)
    func kernelsGiveTheReferencesValues(level: KernelLevel, type: ScalarType) throws {
        var generator = SplitMix(state: 3)
        let bytes = (0..<type.group.byteCount * 40).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let expected = BlockReference.elements(of: bytes, type)
        let found = try restored(bytes, type, level)
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) })
    }

    @Test(arguments: blockTypes)
    func sizes(type: ScalarType) throws {
        let group = type.group
        #expect(type.byteCount(of: group.elementCount * 3) == group.byteCount * 3)
        #expect(type.byteCount(of: group.elementCount * 3 - 1) == nil)
        #expect(type.bitCount == (group.byteCount * 8 + group.elementCount - 1) / group.elementCount)
        #expect(type.kind == .block && !type.isByteAligned && type.hasValues)
        #expect(throws: IsomerError.self) { try TensorDescriptor(name: "x", scalarType: type, shape: Shape([3, 5])) }
        #expect(try TensorDescriptor(name: "x", scalarType: type, shape: Shape([3, 256])).byteCount == type.byteCount(of: 768))
    }

    @Test func castsThatAreThere() throws {
        _ = try Cast(from: .q4K, to: .bf16)
        _ = try Cast(from: .f16, to: .q6K)
        _ = try Cast(from: .q8_0, to: .q4_0)
        _ = try Cast(from: .q2K, to: .q2K)
        #expect(throws: IsomerError.self) { try Cast(from: .f32, to: .q2K) }
        #expect(throws: IsomerError.self) { try Cast(from: .i32, to: .q8_0) }
        #expect(throws: IsomerError.self) { try Cast(from: .q8_0, to: .i8) }
    }

    @Test func theErrorIsMeasured() throws {
        let values = Self.samples()[0].values
        var error = QuantizationError()
        let size = try #require(ScalarType.q8_0.byteCount(of: values.count))
        var blocks = [UInt8](repeating: 0, count: size)
        try values.withUnsafeBytes { input in
            try blocks.withUnsafeMutableBytes { output in
                _ = try Cast(from: .f32, to: .q8_0).apply(input, output, elementCount: values.count, measuring: &error)
            }
        }
        let given = BlockReference.elements(of: blocks, .q8_0)
        let squares = zip(values, given).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        let expected = (squares / Double(values.count)).squareRoot()
        #expect(error.elementCount == UInt64(values.count) && error.notFiniteCount == 0)
        #expect(abs(error.rootMeanSquare - expected) < expected * 1e-12)
        #expect(error.largest == zip(values, given).map { abs(Double($0) - Double($1)) }.max())
        #expect(error.relative > 0.001 && error.relative < 0.02)
    }

    @Test func notFiniteElementsSpoilTheirBlockOnly() throws {
        for type in Self.writable {
            let size = type.group.elementCount
            for odd in [Float.nan, .infinity, -.infinity] {
                for level in KernelLevel.available {
                    var values = Array(Self.samples()[0].values[..<(4 * size)])
                    let clean = try quantized(values, type, level)
                    values[size + 3] = odd
                    let bytes = try quantized(values, type, level)
                    let block = type.group.byteCount
                    #expect(bytes[..<block] == clean[..<block])
                    #expect(bytes[(2 * block)...] == clean[(2 * block)...])
                }
            }
        }
    }

    @Test func statisticsAndDifferencesSeeTheValues() throws {
        let values = Self.samples()[0].values
        let blocks = try #require(BlockReference.blocks(of: values, as: .q8_0))
        let given = BlockReference.elements(of: blocks, .q8_0)
        var statistics = try TensorStatistics(of: .q8_0)
        try blocks.withUnsafeBytes { try statistics.update($0) }
        #expect(statistics.elementCount == UInt64(values.count))
        #expect(statistics.maximum == Double(given.max() ?? 0))
        var difference = try TensorDifference(from: .f32, to: .q8_0)
        try given.withUnsafeBytes { a in try blocks.withUnsafeBytes { b in try difference.update(a, b) } }
        #expect(difference.isEqual)
    }
}

/// Numbers from a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func unit() -> Float { Float(next() >> 40) / Float(1 << 24) }
}
