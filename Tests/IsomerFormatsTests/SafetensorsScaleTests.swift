import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct SafetensorsScaleTests {
    /// Many names, in file order and not, and one of them twice at any place.
    @Test func manyTensors() throws {
        let folder = try TemporaryFolder()
        let count = 20_000
        let names = (0..<count).map { "model.diffusion_model.blocks.\($0 / 16).\($0 % 16).weight" }
        let tensors = try names.map { try TensorDescriptor(name: $0, scalarType: .u8, shape: Shape([1])) }
        let layout = try SafetensorsLayout(tensors)
        let reader = try SafetensorsReader(folder.file("x", layout.header + [UInt8](repeating: 1, count: count)))
        #expect(Set(reader.tensors) == Set(tensors))
        #expect(reader.dataOffset == UInt64(layout.header.count))

        var entries = names.enumerated().map { "\"\($1)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\($0),\($0 + 1)]}" }
        entries.shuffle()
        let shuffled = try SafetensorsReader(folder.file("x", file(entries, data: count)))
        #expect(Set(shuffled.tensors) == Set(tensors))
        entries.append("\"\(names[7_777])\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}")
        let twice = try folder.file("x", file(entries, data: count))
        let failure = error { _ = try SafetensorsReader(twice) }
        #expect(failure?.what == "a name comes twice in the header" && failure?.location.item == names[7_777])
    }

    private func file(_ entries: [String], data: Int) -> [UInt8] {
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) } + header + [UInt8](repeating: 1, count: data)
    }
}
