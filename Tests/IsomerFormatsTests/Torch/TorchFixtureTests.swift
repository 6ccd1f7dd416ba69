import Crypto
import Foundation
import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// Reads every checkpoint in `Fixtures/torch` and compares it with what torch says is in it.
@Suite struct TorchFixtureTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Fixtures/torch").standardized

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return files.filter { files.contains($0 + ".txt") }.sorted()
    }()

    static func open(_ name: String) throws -> TorchArchive {
        try TorchArchive(ReadableFile(FilePath(folder.appending(path: name).path())))
    }

    static func line(_ kind: String, _ tensor: TensorDescriptor, _ bytes: [UInt8]) -> String {
        let digest = SHA256.hash(data: bytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return "\(kind) \(tensor.name) \(tensor.scalarType.rawValue) \(tensor.shape) \(digest)"
    }

    @Test func thereAreFixtures() { #expect(TorchFixtureTests.names.count >= 25) }

    @Test(arguments: names) func holdsWhatTorchSays(_ name: String) throws {
        let archive = try TorchFixtureTests.open(name)
        var lines: [String] = []
        for (index, tensor) in archive.tensors.enumerated() {
            lines.append(TorchFixtureTests.line("model", tensor, try archive.bytes(of: index)))
        }
        for (index, tensor) in archive.rest.tensors.enumerated() {
            lines.append(TorchFixtureTests.line("rest", tensor, try archive.rest.bytes(of: index)))
        }
        lines += archive.metadata.map { "fact \($0.key) \($0.value)" }
        lines += archive.aliases.map { "alias \(archive.tensors[$0.index].name) \(archive.tensors[$0.original].name)" }
        lines += archive.unconverted.map { "unconverted \($0.path)" }
        let golden = try String(contentsOf: TorchFixtureTests.folder.appending(path: name + ".txt"), encoding: .utf8)
        let expected = golden.split(separator: "\n").map(String.init).sorted()
        #expect(lines.sorted() == expected)
        try archive.verifyRest()
    }

    /// In ranges of awkward sizes, forward and backward.
    @Test(arguments: names) func rangesAreLikeTheWhole(_ name: String) throws {
        let archive = try TorchFixtureTests.open(name)
        for (index, tensor) in archive.tensors.enumerated() {
            let whole = try archive.bytes(of: index)
            for size in [1, 7, 64, 1000] {
                var pieces: [[UInt8]] = []
                for start in stride(from: 0, to: tensor.byteCount, by: size).reversed() {
                    var piece = [UInt8](repeating: 0, count: min(size, tensor.byteCount - start))
                    try piece.withUnsafeMutableBytes { try archive.read(index, at: start, into: $0) }
                    pieces.append(piece)
                }
                #expect(Array(pieces.reversed().joined()) == whole)
            }
            if let range = archive.storedRange(of: index) {
                #expect(try range.file.bytes(at: range.offset, count: range.count) == whole)
            }
        }
    }
}
