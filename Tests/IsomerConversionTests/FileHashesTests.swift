import Crypto
import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct FileHashesTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        SHA256.hash(data: Array(bytes)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A file as the reference writes it: tensors of one type in the order of their names.
    private func write(_ sizes: [Int], metadata: FileMetadata) throws -> (path: FilePath, header: [UInt8], data: [UInt8]) {
        let descriptors = try sizes.enumerated().map { index, size in
            try TensorDescriptor(name: "t\(index)", scalarType: .u8, shape: Shape([size]))
        }
        let layout = try SafetensorsLayout(descriptors, metadata: metadata)
        var state: UInt32 = 1
        let data = (0..<sizes.reduce(0, +)).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        return (try folder.file("x.safetensors", layout.header + data), layout.header, data)
    }

    @Test(arguments: [[], [3], [0x10_0000 - 200], [0x10_0000, 5000, 0x1_0000, 70], [4 << 20, 4 << 20, 3]], [1, 3])
    func agreeWithTheirDefinitions(_ sizes: [Int], workers: Int) throws {
        let (path, header, data) = try write(sizes, metadata: ["format": "pt", "ss_steps": "7"])
        let whole = header + data
        let hashes = try FileHashes(of: ReadableFile(path), workers: Workers(count: workers))
        #expect(hashes.sha256 == Self.hex(whole))
        #expect(hashes.autoV1 == String(Self.hex(whole.dropFirst(0x10_0000).prefix(0x1_0000)).prefix(8)))
        #expect(hashes.autoV2 == String(Self.hex(whole).prefix(10)))
        #expect(hashes.tensorData == Self.hex(data))
        #expect(hashes.autoV3 == String(Self.hex(data).prefix(12)))
        #expect(hashes.modelSpec == "0x" + Self.hex(data))
        let training = try SafetensorsLayout(SafetensorsReader(path).tensors, metadata: ["ss_steps": "7"]).header + data
        #expect(hashes.legacyTraining == String(Self.hex(training.dropFirst(0x10_0000).prefix(0x1_0000)).prefix(8)))
    }

    @Test func theTrainingHashSortsTensorsAsTheReferenceDoes() throws {
        // The same tensors, the later name first in the file.
        let (path, _, data) = try write([0x10_0000, 0x1_0000], metadata: [:])
        let expected = try FileHashes(of: ReadableFile(path)).legacyTraining
        let header =
            #"{"t1":{"dtype":"U8","shape":[65536],"data_offsets":[0,65536]},"#
            + #""t0":{"dtype":"U8","shape":[1048576],"data_offsets":[65536,1114112]}}"#
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) } + Array(header.utf8)
        bytes += data[0x10_0000...]
        bytes += data[..<0x10_0000]
        let swapped = try FileHashes(of: ReadableFile(try folder.file("swapped.safetensors", bytes)))
        #expect(swapped.legacyTraining == expected)
        #expect(swapped.tensorData != Self.hex(data))
    }

    @Test func aFileThatIsNotSafetensorsHasOnlyTheOthers() throws {
        let hashes = try FileHashes(of: ReadableFile(try folder.file("a.bin", Array("abc".utf8))))
        #expect(hashes.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        // The SHA-256 of nothing.
        #expect(hashes.autoV1 == "e3b0c442")
        #expect(hashes.tensorData == nil)
        #expect(hashes.legacyTraining == nil)
    }
}
