import IsomerBytes
import IsomerMapping
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The README's table of architectures is the registry's. `Tools/architectures` writes it anew.
@Suite struct ReadmeTableTests {
    private static let begin = "<!-- architectures: written by Tools/architectures -->\n"
    private static let end = "<!-- architectures end -->"

    @Test func isTheRegistrys() throws {
        let path = Fixtures.root.removingLastComponent().appending("README.md")
        let text = String(decoding: try ReadableFile(path).contents(limit: 1 << 20), as: UTF8.self)
        let start = try #require(text.firstRange(of: Self.begin))
        let stop = try #require(text[start.upperBound...].firstRange(of: Self.end))
        if getenv("ISOMER_RECORD_SNAPSHOTS") != nil {
            let updated = text[..<start.upperBound] + ArchitectureCatalogue.markdown + text[stop.lowerBound...]
            let file = try FileDescriptor.open(path, .writeOnly, options: [.truncate])
            try file.closeAfter { _ = try file.writeAll(updated.utf8) }
            return
        }
        #expect(String(text[start.upperBound..<stop.lowerBound]) == ArchitectureCatalogue.markdown)
    }
}
