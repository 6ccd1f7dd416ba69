import IsomerBytes
import Testing

@testable import IsomerTensors

/// Every pair of types against PyTorch's results, bit by bit, at every level.
@Suite struct CastGoldenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var cast: Cast
        var elementCount: Int
        var source: [UInt8]
        /// The result, where it is kept.
        var result: [UInt8]?
        var resultSum: UInt32
        var testDescription: String { "\(cast.source.rawValue) to \(cast.target.rawValue)" }
    }

    static let cases: [Case] = (try? readCases()) ?? []

    private static func readCases() throws -> [Case] {
        let index = try Fixtures.bytes("casts/index.tsv")
        let values = try Fixtures.unpacked("casts/values.bin")
        return try String(decoding: index, as: UTF8.self).split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: "\t").map(String.init)
            let source = try #require(ScalarType(rawValue: fields[0]))
            let target = try #require(ScalarType(rawValue: fields[1]))
            let count = try #require(Int(fields[2]))
            let sourceStart = try #require(Int(fields[3]))
            let sourceBytes = try #require(source.byteCount(of: count))
            let targetBytes = try #require(target.byteCount(of: count))
            let result = Int(fields[4]).map { Array(values[$0..<$0 + targetBytes]) }
            return Case(
                cast: try Cast(from: source, to: target), elementCount: count,
                source: Array(values[sourceStart..<sourceStart + sourceBytes]), result: result,
                resultSum: try #require(UInt32(fields[5], radix: 16)))
        }
    }

    @Test func everyPairHasACase() {
        let floats = ScalarType.allCases.filter { $0.kind == .float }
        let integers = ScalarType.allCases.filter { [.boolean, .unsigned, .signed].contains($0.kind) }
        let expected = floats.count * (floats.count - 1) + integers.count * floats.count
        #expect(Set(Self.cases.map(\.cast)).count == expected)
    }

    @Test(arguments: KernelLevel.available)
    func equalsPyTorch(level: KernelLevel) throws {
        for golden in Self.cases {
            var found = [UInt8](repeating: 0, count: try #require(golden.cast.target.byteCount(of: golden.elementCount)))
            try golden.source.withUnsafeBytes { source in
                try found.withUnsafeMutableBytes {
                    _ = try golden.cast.apply(source, $0, elementCount: golden.elementCount, level: level)
                }
            }
            if let result = golden.result, found != result {
                let place = zip(found, result).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
                Issue.record("\(golden.testDescription): byte \(place) is \(found[place]), not \(result[place])")
            }
            #expect(CRC32(found).value == golden.resultSum, "\(golden.testDescription)")
        }
    }

    /// Unaligned, and in pieces of every length: the loops' ends are the loops' middles.
    @Test(arguments: KernelLevel.available)
    func piecesEqualTheWhole(level: KernelLevel) throws {
        for golden in Self.cases where golden.elementCount >= 1000 {
            guard let result = golden.result else { continue }
            let cast = golden.cast
            let sourceUnit = try #require(cast.source.byteCount(of: 4))
            let targetUnit = try #require(cast.target.byteCount(of: 4))
            let source = [0] + golden.source
            var found = [UInt8](repeating: 0, count: result.count + 1)
            var start = 0
            var length = 1
            while start < golden.elementCount / 4 {
                let units = min(length % 300, golden.elementCount / 4 - start)
                try source.withUnsafeBytes { source in
                    try found.withUnsafeMutableBytes {
                        _ = try cast.apply(
                            UnsafeRawBufferPointer(rebasing: source[(1 + start * sourceUnit)...]),
                            UnsafeMutableRawBufferPointer(rebasing: $0[(1 + start * targetUnit)...]), elementCount: units * 4, level: level)
                    }
                }
                start += units
                length += 1
            }
            #expect(found.dropFirst().elementsEqual(result), "\(golden.testDescription)")
        }
    }

    @Test func levelsCountTheSame() throws {
        for golden in Self.cases {
            let reports = try KernelLevel.available.map { level in
                var found = [UInt8](repeating: 0, count: try #require(golden.cast.target.byteCount(of: golden.elementCount)))
                return try golden.source.withUnsafeBytes { source in
                    try found.withUnsafeMutableBytes { try golden.cast.apply(source, $0, elementCount: golden.elementCount, level: level) }
                }
            }
            #expect(Set(reports).count == 1, "\(golden.testDescription): \(reports)")
        }
    }
}
