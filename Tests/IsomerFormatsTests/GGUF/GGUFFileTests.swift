import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerFormats

@Suite struct GGUFFileTests {
    static let fixture = Fixtures["gguf/all_kinds.gguf"]

    private func write(_ tensors: [TensorDescriptor], _ bytes: [[UInt8]], _ keys: [GGUFKeyValue], to path: FilePath) throws {
        let layout = try GGUFLayout(tensors, keyValues: keys)
        let output = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: true)
        let writer = try GGUFWriter(output.file, tensors: tensors, layout: layout)
        for (index, content) in bytes.enumerated() { try content.withUnsafeBytes { try writer.write($0, to: index, at: 0) } }
        try writer.finish()
        try output.commit()
    }

    @Test func readsWhatTheReferenceWrote() throws {
        let reader = try GGUFReader(Self.fixture)
        #expect(reader.version == 3 && reader.alignment == 32 && reader.warnings == [])
        #expect(
            reader.tensors.map { "\($0.name) \($0.scalarType.rawValue) \($0.shape)" } == [
                "bias F32 [7]", "half F16 [3, 5]", "double F64 [2]", "ids I64 [1, 5]", "bytes I8 [5]", "brain BF16 [2, 3]",
                "Q8_0 Q8_0 [3, 64]", "Q4_0 Q4_0 [3, 64]", "Q5_1 Q5_1 [3, 64]", "conv.weight Q8_0 [4, 2, 8, 12]",
            ])
        #expect(reader["test.u8"] == .u8(100) && reader["test.i8"] == .i8(-100) && reader["test.u64"] == .u64(100))
        #expect(reader["test.f64"] == .f64(-1e100) && reader["test.yes"] == .bool(true) && reader["test.text"] == .string("Grüße, 光芒"))
        #expect(reader["test.numbers"]?.integers == [3, 1, -4])
        #expect(reader["nothing"] == nil)
        #expect(reader.metadata["general.architecture"] == "flux" && reader.metadata["test.numbers"] == "[3, 1, -4]")
        #expect(reader.metadata["test.texts"] == nil && reader.metadata["comfy.gguf.orig_shape.conv.weight"] == nil)
        #expect(try reader.bytes(of: 3).first == 0 && reader.bytes(of: 3)[8] == 1)
    }

    @Test func writesWhatTheReferenceWrote() throws {
        let folder = try TemporaryFolder()
        let reader = try GGUFReader(Self.fixture)
        try write(
            reader.tensors, reader.tensors.indices.map { try reader.bytes(of: $0) }, reader.keyValues, to: folder["again.gguf"])
        let expected = try ReadableFile(Self.fixture).contents(limit: 1 << 20)
        #expect(try ReadableFile(folder["again.gguf"]).contents(limit: 1 << 20) == expected)
    }

    @Test func versionTwoIsTheSame() throws {
        let folder = try TemporaryFolder()
        var bytes = try ReadableFile(Self.fixture).contents(limit: 1 << 20)
        bytes[4] = 2
        let reader = try GGUFReader(folder.file("two.gguf", bytes))
        #expect(reader.version == 2)
        #expect(try reader.tensors == GGUFReader(Self.fixture).tensors)
    }

    @Test func detectedByContent() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("model.safetensors", try ReadableFile(Self.fixture).contents(limit: 1 << 20))
        #expect(try FileFormat(of: ReadableFile(path)) == .gguf)
        #expect(try openWeights(path) is GGUFReader)
    }

    @Test func withoutKeysAsStableDiffusionCppWrites() throws {
        let folder = try TemporaryFolder()
        let file = GGUFBytes(
            tensors: [GGUFBytes.tensor("proj_in.weight", [1, 1, 4, 2], type: 1)], data: [UInt8](repeating: 1, count: 16))
        let reader = try GGUFReader(folder.file("sd.gguf", file.bytes))
        #expect(reader.tensors.map(\.shape.dimensions) == [[2, 4, 1, 1]])
        #expect(reader.metadata.isEmpty)
    }

    @Test func otherAlignmentsOddPlacesAndEmptyTensors() throws {
        let folder = try TemporaryFolder()
        let file = GGUFBytes(
            keys: [GGUFBytes.key("general.alignment", 4, GGUFBytes.little(UInt32(64)))],
            tensors: [
                GGUFBytes.tensor("second", [2], at: 128), GGUFBytes.tensor("first", [2], at: 0), GGUFBytes.tensor("none", [0], at: 192),
                GGUFBytes.tensor("scalar", [], at: 192),
            ], data: (0..<196).map { UInt8($0) } + [UInt8](repeating: 9, count: 64), alignment: 64)
        let reader = try GGUFReader(folder.file("odd.gguf", file.bytes))
        #expect(try reader.bytes(of: 0) == Array(128..<136))
        #expect(try reader.bytes(of: 1) == Array(0..<8))
        #expect(try reader.bytes(of: 2) == [])
        #expect(try reader.bytes(of: 3) == Array(192..<196) && reader.tensors[3].shape == .scalar)
        #expect(
            reader.warnings == [
                "bytes that belong to no tensor stand before second", "64 bytes that belong to no tensor stand at the end",
            ])
    }

    @Test func shapesThatGGUFCannotSay() throws {
        let folder = try TemporaryFolder()
        let tensors = try [
            TensorDescriptor(name: "conv", scalarType: .q8_0, shape: Shape([32, 4, 3, 3])),
            TensorDescriptor(name: "volume", scalarType: .f16, shape: Shape([2, 1, 2, 1, 3])),
            TensorDescriptor(name: "odd", scalarType: .q4_0, shape: Shape([8, 4, 3])),
            TensorDescriptor(name: "scalar", scalarType: .f32, shape: .scalar),
            TensorDescriptor(name: "none", scalarType: .f32, shape: Shape([0])),
        ]
        try write(
            tensors, tensors.map { [UInt8](repeating: 5, count: $0.byteCount) }, [GGUFKeyValue("general.architecture", .string("sd1"))],
            to: folder["shapes.gguf"])
        let reader = try GGUFReader(folder["shapes.gguf"])
        #expect(reader.tensors == tensors)
        #expect(reader["comfy.gguf.orig_shape.conv"]?.integers == [32, 4, 3, 3])
        #expect(reader["comfy.gguf.orig_shape.scalar"] == nil)
    }

    @Test func writingRefuses() throws {
        let bytes = try TensorDescriptor(name: "mask", scalarType: .u8, shape: Shape([4]))
        #expect(throws: IsomerError.self) { try GGUFLayout([bytes], keyValues: []) }
        let one = try TensorDescriptor(name: "one", scalarType: .f32, shape: Shape([4]))
        #expect(throws: IsomerError(.usage, "two tensors have the same name", item: "one")) { try GGUFLayout([one, one], keyValues: []) }
        let key = GGUFKeyValue("k", .u8(1))
        #expect(throws: IsomerError(.usage, "a key comes twice", item: "k")) { try GGUFLayout([one], keyValues: [key, key]) }
    }
}
