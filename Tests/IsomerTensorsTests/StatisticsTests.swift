import IsomerBytes
import Testing

@testable import IsomerTensors

@Suite struct StatisticsTests {
    private func random(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(bitPattern: state) >> 20) * 0x1p-43
        }
    }

    private func statistics<Number>(
        _ values: [Number], _ type: ScalarType, level: KernelLevel = .current
    ) throws -> TensorStatistics {
        var result = try TensorStatistics(of: type)
        try values.withUnsafeBytes { try result.update($0, level: level) }
        return result
    }

    @Test(arguments: KernelLevel.available)
    func countsAndMeasures(level: KernelLevel) throws {
        let values: [Float] = [1, -3, 2, 0, -0.0, .nan, .infinity, -.infinity, 0x1p-130, 4, -.nan]
        let found = try statistics(values, .f32, level: level)
        #expect(found.elementCount == 11 && found.nanCount == 2 && found.infinityCount == 2)
        #expect(found.zeroCount == 2 && found.subnormalCount == 1 && found.finiteCount == 7)
        #expect(found.minimum == -3 && found.maximum == 4)
        #expect(found.mean == (4 + 0x1p-130) / 7)
        let mean = 4.0 / 7
        let squares = [1, -3, 2, 0, 0, 0, 4].map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
        #expect(abs((found.standardDeviation ?? 0) - (squares / 7).squareRoot()) < 1e-15)
    }

    @Test func nothingHasNoFigures() throws {
        let empty = try statistics([Float](), .f32)
        #expect(empty.minimum == nil && empty.mean == nil && empty.standardDeviation == nil && empty.histogram(bucketCount: 4) == nil)
        let none = try statistics([Float.nan, .infinity], .f32)
        #expect(none.elementCount == 2 && none.maximum == nil)
        #expect(throws: IsomerError.self) { try TensorStatistics(of: .qint8) }
        #expect(throws: IsomerError.self) { try statistics([UInt8(1), 2, 3], .f16) }
        #expect(throws: IsomerError.self) { try statistics([UInt8(1), 2], .f6e2m3) }
    }

    @Test func equalValuesDoNotSpread() throws {
        let found = try statistics([Float](repeating: 0.1, count: 5000), .f32)
        #expect(found.mean == Double(Float(0.1)) && found.standardDeviation == 0)
        #expect(found.histogram(bucketCount: 3)?.counts == [0, 5000, 0])
    }

    @Test func doesNotDependOnWorkers() throws {
        let values = random(20 * 1024 + 77, seed: 1)
        let whole = try statistics(values, .f32, level: .baseline)
        for level in KernelLevel.available {
            for blocks in [1, 3, 7] {
                var parts = try stride(from: 0, to: values.count, by: blocks * 1024).map {
                    try statistics(Array(values[$0..<min($0 + blocks * 1024, values.count)]), .f32, level: level)
                }
                parts.reverse()
                var merged = try TensorStatistics(of: .f32)
                for part in parts { merged.merge(part) }
                #expect(merged == whole)
            }
        }
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
        #expect(abs((whole.mean ?? 1) - mean) < 1e-12)
    }

    @Test func everyNumericType() throws {
        let bytes = (0..<192).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for type in ScalarType.allCases where type.kind != .quantized && type.kind != .block {
            let found = try statistics(bytes, type)
            let parts = type.kind == .complex ? 2 : 1
            #expect(found.elementCount == UInt64(192 * 8 / type.bitCount * parts), "\(type)")
            let total = found.histogram(bucketCount: 16)?.counts.reduce(0, +) ?? 0
            #expect(abs(total - Double(found.finiteCount)) < 1e-6, "\(type)")
        }
        #expect(try statistics([UInt16(1), 0x03FF, 0x0400, 0], .f16).subnormalCount == 2)
        #expect(try statistics([Int64.min, .max], .i64).minimum == -0x1p63)
        #expect(try statistics([Float(3), -4], .c64).minimum == -4)
    }

    @Test func histogramFollowsTheValues() throws {
        // A ramp: every bucket gets its share, to within a bin's width.
        let found = try statistics((0..<64_000).map { Float($0) / 64_000 - 0.5 }, .f32)
        let histogram = try #require(found.histogram(bucketCount: 10))
        #expect(histogram.lowerBound == -0.5)
        #expect(histogram.counts.allSatisfy { abs($0 - 6400) < 200 }, "\(histogram.counts)")
        let huge = try #require(try statistics([1e300, -1e300, 1.5e300], .f64).histogram(bucketCount: 5))
        #expect(abs(huge.counts.reduce(0, +) - 3) < 1e-9)
    }

    @Test func sumsAreExact() {
        var sum = ExactSum()
        for value in [1e300, 1, -1e300, 0x1p-1074, -0.75] { sum += value }
        #expect(sum.value == 0.25)
        var opposite = ExactSum()
        for value in [-0.25, 1e-300, -0x1p-1074] { opposite += value }
        sum += opposite
        #expect(sum.value == 1e-300)
        var large = ExactSum()
        for _ in 0..<4 { large += Double.greatestFiniteMagnitude }
        #expect(large.value == .infinity)
        for _ in 0..<8 { large += -Double.greatestFiniteMagnitude }
        #expect(large.value == -.infinity)
        for _ in 0..<3 { large += Double.greatestFiniteMagnitude }
        #expect(large.value == -Double.greatestFiniteMagnitude)
        // Ties go to even, and what lies far below decides them.
        var tie = ExactSum()
        for value in [1, 0x1p-53] { tie += value }
        #expect(tie.value == 1)
        tie += 0x1p-1000
        #expect(tie.value == 1.0.nextUp)
        tie += .nan
        #expect(tie.value.isNaN)
    }

    @Test func agreesWithWideArithmetic() {
        let values = random(4000, seed: 9).map { Double($0) * 0x1p-10 }
        var sum = ExactSum()
        for value in values { sum += value }
        // All are multiples of 2^-76 below 2^22.
        let exact = values.reduce(Int128(0)) { $0 + Int128($1 * 0x1p76) }
        #expect(sum.value == Double(exact) * 0x1p-76)
    }
}

@Suite struct DifferenceTests {
    private func difference<A, B>(
        _ a: [A], _ first: ScalarType, _ b: [B], _ second: ScalarType, level: KernelLevel = .current
    ) throws -> TensorDifference {
        var result = try TensorDifference(from: first, to: second)
        try a.withUnsafeBytes { a in try b.withUnsafeBytes { try result.update(a, $0, level: level) } }
        return result
    }

    @Test(arguments: KernelLevel.available)
    func measures(level: KernelLevel) throws {
        let a: [Float] = [1, 2, 3, .nan, .infinity, 0, .nan, 8, -8, 5, 1e10]
        let b: [Float] = [1, 2.5, 3, .nan, .infinity, -0.0, 1, 8, 8, .infinity, 1e10]
        let found = try difference(a, .f32, b, .f32, level: level)
        #expect(found.elementCount == 11 && found.differingCount == 4 && found.notFiniteCount == 2 && !found.isEqual)
        #expect(found.largestAbsolute == 16 && found.largestRelative == 2 && found.peak == 1e10)
        #expect(found.rootMeanSquare == (256.25 / 11).squareRoot())
        #expect(try difference(a, .f32, a, .f32, level: level).peakSignalToNoiseRatio == .infinity)
    }

    @Test func acrossTypesAndWorkers() throws {
        let a = (0..<5000).map { Float($0 % 513) / 256 - 1 }
        let half = a.map { Float16($0).bitPattern }
        #expect(try difference(a, .f32, half, .f16).isEqual)
        let b = a.map { $0 + Float($0 > 0 ? 0x1p-20 : 0) }
        let whole = try difference(a, .f32, b, .f32, level: .baseline)
        var merged = try difference(Array(a[2048...]), .f32, Array(b[2048...]), .f32)
        merged.merge(try difference(Array(a[..<2048]), .f32, Array(b[..<2048]), .f32))
        #expect(merged == whole && whole.largestAbsolute == 0x1p-20)
    }

    @Test func integersBeyondDouble() throws {
        let found = try difference([Int64(1) << 60, 5], .i64, [Int64(1) << 60 + 1, 7], .i64)
        #expect(found.differingCount == 2 && found.largestAbsolute == 2)
        let near = try difference([UInt64.max], .u64, [UInt64.max - 1], .u64)
        #expect(near.differingCount == 1 && near.largestAbsolute == 1)
    }

    @Test func refusesWhatDoesNotFit() throws {
        #expect(throws: IsomerError.self) { try TensorDifference(from: .c64, to: .f32) }
        #expect(throws: IsomerError.self) { try TensorDifference(from: .qint8, to: .qint8) }
        #expect(throws: IsomerError.self) { try difference([Float(1), 2], .f32, [Float(1)], .f32) }
    }
}
