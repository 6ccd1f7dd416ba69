import IsomerBytes
import Testing

@testable import IsomerFormats

/// Six thousand files made by Tools/Goldens/scan_corpus.py: payloads in every way that opcodes allow, in every wrapping, and honest files.
@Suite struct ScanCorpusTests {
    /// The files of the packed corpus, unpacked into `target`.
    private func unpack(into target: TemporaryFolder) throws -> Int {
        let archive = try Fixtures.unpacked("scan/corpus.tar")
        var offset = 0
        var count = 0
        while offset + 512 <= archive.count, archive[offset] != 0 {
            let name = String(decoding: archive[offset..<offset + 100].prefix { $0 != 0 }, as: UTF8.self)
            let size = archive[offset + 124..<offset + 135].reduce(0) { $0 * 8 + Int($1 & 7) }
            try target.file(name, Array(archive[offset + 512..<offset + 512 + size]))
            offset += 512 + (size + 511) / 512 * 512
            count += 1
        }
        return count
    }

    @Test func verdictsAreThoseOfTheTable() throws {
        let folder = try TemporaryFolder()
        let count = try unpack(into: folder)
        var wanted: [String: (least: String, verdict: String)] = [:]
        let table = try Fixtures.unpacked("scan/verdicts.tsv")
        for line in table.split(separator: 0x0A) where line.first != UInt8(ascii: "#") {
            let fields = line.split(separator: 0x09).map { String(decoding: $0, as: UTF8.self) }
            wanted[fields[0]] = (fields[1], fields[2])
        }
        #expect(count == wanted.count)
        #expect(count > 6_000)
        var problems: [String] = []
        for scan in try Scanner().scan([folder.path]) {
            let name = scan.path.lastComponent?.string ?? ""
            guard let (least, verdict) = wanted[name] else {
                problems.append("\(name) is not in the table")
                continue
            }
            if scan.verdict.rawValue != verdict { problems.append("\(name): \(scan.verdict) instead of \(verdict)") }
            switch least {
            case "dangerous" where scan.verdict != .dangerous, "notsafe" where scan.verdict == .safe,
                "fine" where scan.verdict == .dangerous:
                problems.append("\(name): \(scan.verdict), which is not \(least)")
            default: break
            }
        }
        #expect(problems == [])
    }
}
