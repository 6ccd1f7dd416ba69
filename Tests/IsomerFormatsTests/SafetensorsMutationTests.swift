import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// Damaged files beside the reference's verdict: what it refuses is refused, and what it accepts is accepted but for the rules in which this
/// reader keeps to the specification and the reference does not.
@Suite struct SafetensorsMutationTests {
    private static let stricterRules: Set<String> = [
        "a name comes twice in the header", "a key comes twice in the metadata", "a field comes twice in the entry of a tensor",
        "the entry of a tensor has a field that safetensors does not know", "the header is padded with something else than spaces",
        "the tensor has too many dimensions",
    ]

    @Test func agreeWithTheReference() throws {
        let folder = try TemporaryFolder()
        let lines = String(decoding: try Fixtures.unpacked("safetensors/mutations.txt"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 1_000)
        var stricter = 0
        var accepted = 0
        for line in lines {
            let parts = line.split(separator: " ")
            let digits = Array(parts[1].utf8).map { Int($0) & 0xF + ($0 > 0x39 ? 9 : 0) }
            let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
            let path = try folder.file("x", bytes)
            var failure: IsomerError?
            do throws(IsomerError) {
                let reader = try SafetensorsReader(path)
                for index in reader.tensors.indices { _ = try reader.bytes(of: index) }
            } catch {
                failure = error
            }
            if parts[0] == "refuses" {
                #expect(failure != nil, "\(line)")
            } else if let failure {
                #expect(Self.stricterRules.contains(failure.what), "\(failure): \(line)")
                stricter += 1
            } else {
                accepted += 1
            }
        }
        #expect(stricter > 0 && accepted > 200)
    }
}
