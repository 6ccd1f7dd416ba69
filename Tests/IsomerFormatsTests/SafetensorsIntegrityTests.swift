import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// Sound files that are cut, changed or shrunk, and limits.
@Suite struct SafetensorsIntegrityTests {
    /// Cutting a sound file anywhere, adding a byte, or setting a byte of its header to 0xFF is noticed.
    @Test(arguments: ["one", "metadata-odd", "any-order", "sub-byte", "spaced-header", "escaped-names"])
    func everyByteCounts(_ name: String) throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("safetensors/valid/\(name).safetensors")
        for count in bytes.indices {
            #expect(error { _ = try SafetensorsReader(folder.file("cut", Array(bytes[..<count]))) } != nil)
        }
        #expect(error { _ = try SafetensorsReader(folder.file("long", bytes + [0])) } != nil)
        let headerEnd = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
        for position in bytes.indices[..<headerEnd] {
            var broken = bytes
            broken[position] = 0xFF
            #expect(error { _ = try SafetensorsReader(folder.file("broken", broken)) } != nil, "byte \(position)")
        }
    }

    @Test func limitsAreEnforced() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("x", Fixtures.bytes("safetensors/valid/any-order.safetensors"))
        var limits = Limits()
        limits.tensors = 2
        #expect(error { _ = try SafetensorsReader(path, limits: limits) }?.what == "the file has too many tensors")
        limits = Limits()
        limits.safetensorsHeaderBytes = 20
        #expect(error { _ = try SafetensorsReader(path, limits: limits) }?.location.byteOffset == 0)
        limits = Limits()
        limits.jsonDepth = 2
        #expect(error { _ = try SafetensorsReader(path, limits: limits) }?.code == .limitExceeded)
    }

    /// A file that shrinks after it was opened gives an error, and ranges outside a tensor are refused.
    @Test func readsNothingElse() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("safetensors/valid/one.safetensors")
        let path = try folder.file("x", bytes)
        let reader = try SafetensorsReader(path)
        try folder.file("x", Array(bytes.dropLast(4)))
        let shrunk = error { _ = try reader.bytes(of: 0) }
        #expect(shrunk?.what == "the file became shorter while it was being read" && shrunk?.location.item == "a")
        var buffer = [UInt8](repeating: 0, count: 25)
        #expect(error { try buffer.withUnsafeMutableBytes { try reader.read(0, at: 0, into: $0) } }?.code == .usage)
        #expect(error { try buffer.withUnsafeMutableBytes { try reader.read(0, at: -1, into: .init(rebasing: $0[..<1])) } }?.code == .usage)
        #expect(error { try buffer.withUnsafeMutableBytes { try reader.read(1, at: 0, into: .init(rebasing: $0[..<1])) } }?.code == .usage)
        #expect(reader.storedRange(of: 1) == nil)
    }
}
