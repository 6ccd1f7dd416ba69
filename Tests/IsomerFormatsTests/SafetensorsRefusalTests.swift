import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// One whole file for each way to be wrong, with the whole error it must give.
@Suite struct SafetensorsRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let error: IsomerError

        /// A file with this header and data, whose length field is right.
        init(_ name: String, _ header: String, data: Int = 0, _ error: IsomerError) {
            self.init(name, header: Array(header.utf8), data: data, error)
        }

        init(_ name: String, header: [UInt8], data: Int = 0, _ error: IsomerError) {
            let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
            self.init(name, bytes: length + header + [UInt8](repeating: 7, count: data), error)
        }

        init(_ name: String, bytes: [UInt8], _ error: IsomerError) {
            self.name = name
            self.bytes = bytes
            self.error = error
        }

        var testDescription: String { name }
    }

    static let all = sizes + texts + entries + offsets + duplicates + metadata + otherFormats

    @Test(arguments: all) func refuses(_ malformed: Case) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("x.safetensors", malformed.bytes)
        #expect(error { _ = try SafetensorsReader(path) } == malformed.error.inFile(path))
    }

    @Test func thereAreManyWays() {
        #expect(Self.all.count >= 60)
        #expect(Set(Self.all.map(\.bytes)).count == Self.all.count)
    }
}
