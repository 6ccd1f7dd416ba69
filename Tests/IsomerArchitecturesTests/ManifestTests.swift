import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

@Suite struct ManifestTests {
    @Test func aNameIsTakenOnce() throws {
        var manifest = Manifest()
        try manifest.add("a", Shape([2]))
        #expect(throws: IsomerError.self) { try manifest.add("a", Shape([2])) }
    }
}
