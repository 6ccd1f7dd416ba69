import IsomerBytes
import Testing

@testable import IsomerTensors

/// Blocks against those of ggml's reference code, bit by bit, at every level.
@Suite struct BlockGoldenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var type: ScalarType
        var numbers: [UInt8]
        var blocks: [UInt8]
        var values: [UInt8]
        var testDescription: String { type.rawValue }
    }

    static let cases: [Case] = (try? readCases()) ?? []

    private static func readCases() throws -> [Case] {
        let index = try Fixtures.bytes("gguf/blocks.tsv")
        let bytes = try Fixtures.unpacked("gguf/blocks.bin")
        let lines = String(decoding: index, as: UTF8.self).split(separator: "\n").dropFirst().map { $0.split(separator: "\t") }
        let end = try #require(Int(lines[0][1]))
        return try lines.map { fields in
            let start = try #require(Int(fields[1]))
            let count = try #require(Int(fields[2]))
            let values = try #require(Int(fields[3]))
            return Case(
                type: try #require(ScalarType(rawValue: String(fields[0]))), numbers: Array(bytes[..<end]),
                blocks: Array(bytes[start..<start + count]), values: Array(bytes[values..<values + end]))
        }
    }

    @Test func thereAreCases() {
        #expect(Set(Self.cases.map(\.type)) == Set(BlockTests.blockTypes))
    }

    @Test(arguments: cases, KernelLevel.available)
    func ggmlsBlocks(item: Case, level: KernelLevel) throws {
        let count = item.numbers.count / 4
        if item.type.isWritableBlock {
            var made = [UInt8](repeating: 0, count: item.blocks.count)
            try item.numbers.withUnsafeBytes { input in
                try made.withUnsafeMutableBytes { output in
                    _ = try Cast(from: .f32, to: item.type).apply(input, output, elementCount: count, level: level)
                }
            }
            #expect(made == item.blocks)
        }
        var values = [UInt8](repeating: 0, count: item.values.count)
        try item.blocks.withUnsafeBytes { input in
            try values.withUnsafeMutableBytes { output in
                _ = try Cast(from: item.type, to: .f32).apply(input, output, elementCount: count, level: level)
            }
        }
        #expect(values == item.values)
    }
}
