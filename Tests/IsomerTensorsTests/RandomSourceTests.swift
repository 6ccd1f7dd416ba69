import IsomerBytes
import Testing

@testable import IsomerTensors

@Suite struct RandomSourceTests {
    private func descriptor(_ name: String, _ type: ScalarType, _ shape: [Int]) throws -> TensorDescriptor {
        try TensorDescriptor(name: name, scalarType: type, shape: Shape(shape))
    }

    private func bytes(_ source: RandomSource, _ index: Int, _ range: Range<Int>, level: KernelLevel) throws -> [UInt8] {
        var result = [UInt8](repeating: 0xAA, count: range.count)
        try result.withUnsafeMutableBytes { try source.read(index, at: range.lowerBound, into: $0, level: level) }
        return result
    }

    /// Every type, in lengths that leave the last block in part.
    private func everyType() throws -> [TensorDescriptor] {
        try ScalarType.allCases.filter { $0.kind != .quantized && $0.kind != .block }.map {
            try descriptor("layer.\($0.rawValue).weight", $0, [44, 68])
        }
    }

    @Test(arguments: KernelLevel.available)
    func anyRangeOnAnyLevelIsPartOfTheWhole(level: KernelLevel) throws {
        let source = try RandomSource(everyType(), seed: 7)
        for (index, tensor) in source.tensors.enumerated() {
            let whole = try bytes(source, index, 0..<tensor.byteCount, level: .baseline)
            #expect(try source.bytes(of: index) == whole)
            for start in [0, 1, 5, 1000, 1023, 1024, 1025] {
                for count in [0, 1, 7, 1024, 1100] where start + count <= whole.count {
                    #expect(try bytes(source, index, start..<start + count, level: level) == Array(whole[start..<start + count]))
                }
            }
            #expect(try bytes(source, index, 0..<tensor.byteCount, level: level) == whole)
        }
    }

    /// A seed names the same file for ever: if this fails, the numbers have changed for everybody.
    @Test func isTheSameEverywhere() throws {
        let source = try RandomSource(everyType(), seed: 42)
        let sums = try source.tensors.indices.map { try CRC32(source.bytes(of: $0)).value }
        #expect(sums.reduce(0) { $0 &* 31 &+ $1 } == 744_361_057)
    }

    @Test func seedsAndNamesMatter() throws {
        let first = try RandomSource([descriptor("a", .f32, [8, 8]), descriptor("b", .f32, [8, 8])], seed: 1)
        let second = try RandomSource([descriptor("a", .f32, [8, 8])], seed: 2)
        #expect(try first.bytes(of: 0) != first.bytes(of: 1))
        #expect(try first.bytes(of: 0) != second.bytes(of: 0))
    }

    @Test func isSpreadAsPromised() throws {
        let cases: [(String, [Int], Double, Double)] = [
            ("down.0.conv.weight", [64, 100, 3, 3], 0, 1.0 / 30), ("proj.weight", [400, 400], 0, 0.05), ("norm.weight", [40_000], 1, 0.02),
            ("norm.bias", [40_000], 0, 0.02), ("text_model.embeddings.token_embedding.weight", [1000, 50], 0, 0.02),
            ("time_embedding.linear_1.weight", [400, 100], 0, 0.1),
        ]
        let source = try RandomSource(cases.map { try descriptor($0.0, .f32, $0.1) }, seed: 3)
        for (index, (name, _, mean, deviation)) in cases.enumerated() {
            var statistics = try TensorStatistics(of: .f32)
            try source.bytes(of: index).withUnsafeBytes { try statistics.update($0) }
            #expect(abs((statistics.mean ?? 9) - mean) < deviation / 40, "\(name)")
            #expect(abs((statistics.standardDeviation ?? 9) / deviation - 1) < 0.02, "\(name)")
            #expect((statistics.maximum ?? 9) - mean > 2.9 * deviation, "\(name)")
        }
    }

    @Test func integersCountAlongTheLastAxis() throws {
        let source = try RandomSource([descriptor("position_ids", .i64, [2, 77]), descriptor("small", .i8, [300])], seed: 0)
        let ids = try source.bytes(of: 0)
        #expect(ids.count == 1232 && ids[8 * 76] == 76 && ids[8 * 77] == 0 && ids[8 * 78] == 1)
        #expect(try source.bytes(of: 1).suffix(200).allSatisfy { $0 <= 127 })
    }

    @Test func edges() throws {
        let source = try RandomSource(
            [descriptor("scalar", .f32, []), descriptor("empty", .f16, [0, .max]), descriptor("one", .f64, [1, 1])], seed: 0)
        #expect(try source.bytes(of: 0).count == 4)
        #expect(try source.bytes(of: 1).isEmpty)
        #expect(source.storedRange(of: 0) == nil)
        for (index, offset, count) in [(3, 0, 0), (-1, 0, 0), (0, 1, 4), (0, -1, 2), (0, 5, 0)] {
            var buffer = [UInt8](repeating: 0, count: count)
            #expect(throws: IsomerError.self) { try buffer.withUnsafeMutableBytes { try source.read(index, at: offset, into: $0) } }
        }
        #expect(throws: IsomerError(.usage, "two tensors have the same name", item: "a")) {
            try RandomSource([descriptor("a", .f32, []), descriptor("a", .f32, [])], seed: 0)
        }
        #expect(throws: IsomerError.self) { try RandomSource([descriptor("q", .qint8, [4])], seed: 0) }
    }
}
