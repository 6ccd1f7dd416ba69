import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// Files by the reference, discovered in `Fixtures/safetensors/valid`.
@Suite struct SafetensorsGoldenTests {
    static let names: [String] = (try? Fixtures.files(in: "safetensors/valid", suffix: ".safetensors")) ?? []

    /// Files that the reference did not write and would not.
    static let byOthers: Set<String> = [
        "unpadded.safetensors", "any-order.safetensors", "metadata-last.safetensors", "spaced-header.safetensors",
        "fields-in-other-order.safetensors", "escaped-names.safetensors", "leading-space.safetensors", "much-padding.safetensors",
        "sub-byte.safetensors", "zero-size-between.safetensors", "zero-size-only.safetensors",
    ]

    private func open(_ name: String) throws -> SafetensorsReader {
        try SafetensorsReader(Fixtures["safetensors/valid"].appending(name))
    }

    /// The bytes that the generator's rule gives.
    private func content(_ tensor: TensorDescriptor) -> [UInt8] {
        let start = tensor.name.utf8.reduce(0) { $0 + Int($1) }
        return (0..<tensor.byteCount).map { UInt8((7 * $0 + start) % 251 % (tensor.scalarType == .bool ? 2 : 251)) }
    }

    @Test func areThere() {
        #expect(Self.names.count >= 30)
        #expect(Self.byOthers.isSubset(of: Self.names))
    }

    @Test(arguments: names) func read(_ name: String) throws {
        let reader = try open(name)
        for (index, tensor) in reader.tensors.enumerated() {
            #expect(try reader.bytes(of: index) == content(tensor), "\(tensor.name)")
            let range = try #require(reader.storedRange(of: index))
            #expect(try range.file.bytes(at: range.offset, count: range.count) == content(tensor))
        }
        let isOdd = name == "leading-space.safetensors"
        #expect(reader.warnings == (isOdd ? ["the header starts with white space, which the specification forbids"] : []))
    }

    /// The same tensors written again, in any order, make the same file.
    @Test(arguments: names.filter { !byOthers.contains($0) }) func writtenAgain(_ name: String) throws {
        let reader = try open(name)
        let original = try Fixtures.bytes("safetensors/valid/" + name)
        let folder = try TemporaryFolder()
        var generator = SystemRandomNumberGenerator()
        for attempt in 0..<3 {
            let order = reader.tensors.indices.shuffled(using: &generator)
            let tensors = order.map { reader.tensors[$0] }
            let layout = try SafetensorsLayout(tensors, metadata: reader.metadata, writesEmptyMetadata: reader.hasMetadataEntry)
            #expect(layout.byteCount == UInt64(original.count))
            let file = try AtomicFile(path: folder["\(attempt)"], byteCount: layout.byteCount, overwrite: false)
            let writer = try SafetensorsWriter(file.file, tensors: tensors, layout: layout)
            for (target, source) in order.enumerated().shuffled(using: &generator) {
                let bytes = try reader.bytes(of: source)
                // In two pieces, the second first.
                let half = bytes.count / 2
                try bytes[half...].withUnsafeBytes { try writer.write($0, to: target, at: half) }
                try bytes[..<half].withUnsafeBytes { try writer.write($0, to: target, at: 0) }
            }
            try writer.finish()
            try file.commit()
            #expect(try folder.bytes("\(attempt)") == original)
        }
    }

    @Test(arguments: [
        ("empty.safetensors", []), ("scalars.safetensors", ["int I64 []", "scalar F32 []", "flag BOOL []"]),
        ("zero-size.safetensors", ["no.rows F32 [0, 7]", "none F32 [0]", "some F32 [1]", "no.columns F16 [7, 0]"]),
        ("any-order.safetensors", ["z U8 [3]", "m F32 [2]", "a F16 [1]"]),
        ("escaped-names.safetensors", ["\u{E9}😀/ U8 [2]"]),
    ]) func describes(_ name: String, _ expected: [String]) throws {
        #expect(try open(name).tensors.map { "\($0.name) \($0.scalarType.rawValue) \($0.shape)" } == expected)
    }

    @Test func canonicallyEqualNamesAreTwo() throws {
        let names = try open("sorted.safetensors").tensors.map { Array($0.name.utf8) }
        #expect(names.contains(Array("\u{E9}".utf8)))
        #expect(names.contains(Array("e\u{301}".utf8)))
    }

    @Test func metadata() throws {
        #expect(try open("metadata.safetensors").metadata == ["format": "pt"])
        #expect(try open("metadata-last.safetensors").metadata == ["k": "v"])
        #expect(try open("metadata-empty.safetensors").hasMetadataEntry)
        #expect(try !open("one.safetensors").hasMetadataEntry)
        #expect(
            try open("metadata-odd.safetensors").metadata
                == ["é\"\\\n\u{1}\u{7F}\u{2028}😀": "\t\u{8}\u{C}\r/<>&' \u{0}é"])
    }
}
