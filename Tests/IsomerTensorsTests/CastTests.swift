import IsomerBytes
import Testing

@testable import IsomerTensors

@Suite struct CastTests {
    private func cast<Source, Target>(
        _ values: [Source], _ source: ScalarType, _ target: ScalarType, as type: Target.Type, level: KernelLevel = .current
    ) throws -> (values: [Target], report: CastReport) {
        let count = values.count * MemoryLayout<Source>.size * 8 / source.bitCount
        var report = CastReport()
        let result = try [Target](unsafeUninitializedCapacity: count * target.bitCount / 8 / MemoryLayout<Target>.size) { output, filled in
            try values.withUnsafeBytes { input in
                report = try Cast(from: source, to: target).apply(
                    input, UnsafeMutableRawBufferPointer(output), elementCount: count, level: level)
            }
            filled = output.count
        }
        return (result, report)
    }

    @Test(arguments: KernelLevel.available)
    func reportsWhatIsLost(level: KernelLevel) throws {
        let values: [Float] = [
            65504, 65519.996, 65520, -1e10, .infinity, -.infinity, .nan, 1, 0, -0.0, 0x1p-24, 0x1p-25, -0x1p-25, 0x1p-130, 0.1,
        ]
        let many = Array(repeating: values, count: 100).flatMap(\.self)
        let half = try cast(many, .f32, .f16, as: UInt16.self, level: level)
        #expect(half.report == CastReport(overflowed: 200, flushed: 300))
        #expect(half.values.prefix(4) == [0x7BFF, 0x7BFF, 0x7C00, 0xFC00])
        #expect(try cast(many, .f32, .bf16, as: UInt16.self, level: level).report == CastReport())
        // 65520 becomes infinite in f8e5m2 as well; infinities have no place in f8e4m3.
        #expect(try cast(many, .f32, .f8e5m2, as: UInt8.self, level: level).report == CastReport(overflowed: 400, flushed: 400))
        #expect(try cast(many, .f32, .f8e4m3, as: UInt8.self, level: level).report == CastReport(overflowed: 600, flushed: 400))
        let tiny = try cast(Array(many[..<1496]), .f32, .f4, as: UInt8.self, level: level).report
        #expect(tiny.lostNaN == 100)

        let doubles: [Double] = [.greatestFiniteMagnitude, 1e39, -1e39, .infinity, .leastNonzeroMagnitude, 1e-50, 0, .nan]
        #expect(try cast(doubles, .f64, .f32, as: Float.self, level: level).report == CastReport(overflowed: 3, flushed: 2))
        #expect(try cast(doubles, .f64, .f16, as: UInt16.self, level: level).report == CastReport(overflowed: 3, flushed: 2))
        #expect(try cast([Float(-2), 2, 0, -0.0], .f32, .f8e8m0, as: UInt8.self, level: level).report == CastReport(overflowed: 1))
    }

    @Test func roundsOnce() throws {
        // Half way between two f16 but for the 41st place: by way of f32 it would be a tie, and go down.
        let value = 1 + 0x1p-11 + 0x1p-40
        #expect(try cast([value], .f64, .f16, as: UInt16.self).values == [0x3C01])
        #expect(try cast([Int64(1) << 40 | 1 << 32 | 1], .i64, .bf16, as: UInt16.self).values == [0x5381])
    }

    @Test func complexNumbersAreTwoRealOnes() throws {
        let found = try cast([Float(1), -2, 1e9, .nan], .c64, .c32, as: UInt16.self)
        #expect(found.values.prefix(3) == [0x3C00, 0xC000, 0x7C00])
        #expect(found.report.overflowed == 1)
        #expect(try cast([Float(1), -2], .c64, .c128, as: Double.self).values == [1, -2])
    }

    @Test func reportsAddUp() {
        let one = CastReport(overflowed: 1, flushed: 2, lostNaN: 3)
        #expect(one + one == CastReport(overflowed: 2, flushed: 4, lostNaN: 6))
    }

    @Test func refusesWhatCannotBeMeant() throws {
        #expect(
            throws: IsomerError(
                .unsupported, "there is no cast between these types", expected: "a floating type from a real one, or complex from complex",
                found: "F32 to I32", remedy: "leave the tensor's type as it is")
        ) { try Cast(from: .f32, to: .i32) }
        for (source, target) in [
            (ScalarType.i32, ScalarType.i64), (.f32, .c64), (.c64, .f32), (.qint8, .f32), (.f16, .bool), (.f32, .qint8),
        ] {
            #expect(throws: IsomerError.self) { try Cast(from: source, to: target) }
        }
        // A type to itself is a copy, whatever it is.
        for type in ScalarType.allCases where type.kind != .block {
            let bytes = (0..<48).map { UInt8($0 * 5) }
            let found = try cast(bytes, type, type, as: UInt8.self)
            #expect(found.values == bytes && found.report == CastReport())
        }
        let four = [UInt8](repeating: 0, count: 4)
        for count in [-1, 2, .max] {
            #expect(throws: IsomerError.self) {
                var output = [UInt8](repeating: 0, count: 8)
                try four.withUnsafeBytes { input in
                    try output.withUnsafeMutableBytes { _ = try Cast(from: .f32, to: .f64).apply(input, $0, elementCount: count) }
                }
            }
        }
        #expect(throws: IsomerError.self) {
            var output = [UInt8](repeating: 0, count: 8)
            try four.withUnsafeBytes { input in
                try output.withUnsafeMutableBytes { _ = try Cast(from: .f32, to: .f4).apply(input, $0, elementCount: 1) }
            }
        }
    }
}
