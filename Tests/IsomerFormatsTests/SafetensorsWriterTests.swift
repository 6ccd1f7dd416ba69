import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct SafetensorsWriterTests {
    private func tensor(_ name: String, _ type: ScalarType = .u8, _ dimensions: [Int] = [2]) throws -> TensorDescriptor {
        try TensorDescriptor(name: name, scalarType: type, shape: Shape(dimensions))
    }

    @Test(arguments: ScalarType.allCases) func namesOrRefusesEachType(_ type: ScalarType) throws {
        let tensor = try tensor("x.y", type, [256])
        if ScalarType.safetensorsTypes.contains(type) {
            #expect(
                String(decoding: try SafetensorsLayout([tensor]).header.dropFirst(8), as: UTF8.self).contains(
                    "\"dtype\":\"\(type.rawValue)\""))
            return
        }
        let failure = error { _ = try SafetensorsLayout([tensor]) }
        #expect(failure?.what == "safetensors has no name for the type of this tensor")
        #expect(failure?.code == .unsupported && failure?.location.item == "x.y" && failure?.found == type.rawValue)
    }

    @Test func refusesNamesThatReadersWould() throws {
        #expect(
            error { _ = try SafetensorsLayout([tensor("a"), tensor("b"), tensor("a", .f32)]) }
                == IsomerError(.usage, "two tensors have the same name", item: "a", remedy: "rename or drop one of them"))
        #expect(error { _ = try SafetensorsLayout([tensor("__metadata__")]) }?.code == .usage)
        #expect(try SafetensorsLayout([tensor("\u{E9}"), tensor("e\u{301}")]).offsets.count == 2)
    }

    @Test func keepsWithinTheHeadersLimit() throws {
        var limits = Limits()
        limits.safetensorsHeaderBytes = 56
        let fits = try SafetensorsLayout([tensor("a")], limits: limits)
        #expect(fits.header.count == 8 + 56)
        let failure = error { _ = try SafetensorsLayout([tensor("abcdef")], limits: limits) }
        #expect(failure?.code == .limitExceeded && failure?.found == "64 bytes")
    }

    @Test func writesNothingOutsideATensor() throws {
        let folder = try TemporaryFolder()
        let file = try AtomicFile(path: folder["x"], byteCount: nil, overwrite: false)
        let tensors = [try tensor("a"), try tensor("b")]
        let writer = try SafetensorsWriter(file.file, tensors: tensors)
        let bytes: [UInt8] = [1, 2, 3]
        for (index, offset, count) in [(0, 0, 3), (0, 1, 2), (0, 3, 0), (0, -1, 1), (2, 0, 0), (-1, 0, 0), (0, .max, 1)] {
            #expect(error { try bytes[..<count].withUnsafeBytes { try writer.write($0, to: index, at: offset) } }?.code == .usage)
        }
        #expect(writer.destination(of: 2) == nil)
        #expect(writer.destination(of: 1)?.offset == writer.byteCount - 2)
    }
}
