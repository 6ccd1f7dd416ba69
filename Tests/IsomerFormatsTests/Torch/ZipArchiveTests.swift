import Foundation
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerFormats

func checksum(_ bytes: [UInt8]) -> UInt32 { CRC32(bytes).value }

/// Archives that two readers could read in two ways, and archives that are too much.
@Suite struct ZipArchiveTests {
    static let whole = zipArchive([("a/data.pkl", pickle("}.")), ("a/version", pickle("3\n"))])

    private func open(_ bytes: [UInt8], limits: Limits = Limits()) throws -> ZipArchive {
        let path = FileManager.default.temporaryDirectory.appending(path: "isomer-zip-\(UInt64.random(in: 0 ... .max))")
        try Data(bytes).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        return try ZipArchive(ReadableFile(FilePath(path.path())), limits: limits)
    }

    /// Opens, looks at every member and reads it.
    private func read(_ bytes: [UInt8], limits: Limits = Limits()) throws {
        let archive = try open(bytes, limits: limits)
        for index in archive.members.indices { _ = try archive.contents(of: index, limit: 1 << 30) }
    }

    private func refusal(_ bytes: [UInt8], limits: Limits = Limits()) -> String? {
        do {
            try read(bytes, limits: limits)
            return nil
        } catch {
            return (error as? IsomerError)?.what
        }
    }

    private func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var copy = ZipArchiveTests.whole
        change(&copy)
        return copy
    }

    /// Where the directory begins: after two records of 64 + data + descriptor.
    private var directory: Int {
        ZipArchiveTests.whole.indices.first { ZipArchiveTests.whole[$0...].starts(with: [0x50, 0x4B, 1, 2]) } ?? 0
    }

    @Test func readsWhatItShould() throws {
        let archive = try open(ZipArchiveTests.whole)
        #expect(archive.members.count == 2)
        #expect(archive.index(of: "a/version") == 1)
        #expect(archive.index(of: "a/versio") == nil)
        #expect(try archive.contents(of: 1, limit: 10) == pickle("3\n"))
        #expect(try open(zipArchive([])).members.isEmpty)
        let composed = try open(zipArchive([("a/\u{E9}", [1]), ("a/e\u{301}", [2])]))
        #expect(try composed.contents(of: #require(composed.index(of: "a/e\u{301}")), limit: 1) == [2])
    }

    @Test func refusesBytesAround() {
        #expect(refusal(ZipArchiveTests.whole + [0]) == "there are bytes after the end of the zip archive")
        #expect(refusal([0] + ZipArchiveTests.whole) != nil)
        #expect(refusal(Array(ZipArchiveTests.whole.dropLast())) == "the zip archive has no end record")
        #expect(refusal([]) == "the zip archive has no end record")
    }

    @Test func refusesContradictions() {
        // The local header of the first member: name at 30, method at 8, flags at 6.
        #expect(refusal(changed { $0[31] = 0x62 }) == "the local header has another name than the directory")
        #expect(refusal(changed { $0[8] = 8 }) == "the local header has another method than the directory")
        #expect(refusal(changed { $0[6] |= 1 }) == "the local header has other flags than the directory")
        #expect(refusal(changed { $0[0] = 0 }) == "there is no local header")
        #expect(refusal(changed { $0[18] = 9 }) == "the local header has another size or checksum than the directory")
        // The first entry of the directory.
        #expect(refusal(changed { $0[directory + 8] |= 1 }) == "a member of the zip archive is encrypted")
        #expect(refusal(changed { $0[directory + 8] |= 0x20 }) == "a member of the zip archive has flags that no checkpoint has")
        #expect(refusal(changed { $0[directory + 10] = 12 }) == "a member of the zip archive is compressed in an unusual way")
        #expect(refusal(changed { $0[directory + 24] = 9 }) == "an uncompressed member of the zip archive has two sizes")
        #expect(refusal(changed { $0[directory + 42] = 1 }) == "there are bytes before the first member of the zip archive")
        #expect(refusal(changed { $0[directory] = 0 }) == "the zip directory has fewer entries than the end record says")
        // The end record's count; the zip64 record's offset.
        #expect(
            refusal(
                changed {
                    $0[$0.count - 12] = 3; $0[$0.count - 14] = 3
                }) == "the two end records of the zip archive contradict each other")
        #expect(refusal(changed { $0[$0.count - 42 - 8] ^= 1 }) == "the two end records of the zip archive contradict each other")
        #expect(refusal(changed { $0[$0.count - 42 + 8] ^= 1 }) != nil)
    }

    @Test func refusesDamage() {
        #expect(refusal(changed { $0[64] ^= 1 }) == "the bytes do not have the checksum that the archive promises")
        #expect(refusal(zipArchive([("a/x", [1]), ("a/x", [2])])) == "two members of the zip archive have the same name")
        for name in ["../x", "a/../x", "/x", "a\\x", "a\0x"] {
            #expect(refusal(zipArchive([(name, [1])])) == "a member of the zip archive has a name that is no relative path", "\(name)")
        }
        // Every single cut and every changed byte: an error or the same content, never a trap.
        for count in 0..<ZipArchiveTests.whole.count { #expect(refusal(Array(ZipArchiveTests.whole[..<count])) != nil) }
        for index in ZipArchiveTests.whole.indices { _ = refusal(changed { $0[index] ^= 0xFF }) }
    }

    @Test func refusesTooMuch() throws {
        var limits = Limits()
        limits.archiveMembers = 1
        #expect(refusal(ZipArchiveTests.whole, limits: limits) == "the archive has more members than an archive may")
        let archive = try open(ZipArchiveTests.whole)
        #expect(throws: IsomerError.self) { try archive.contents(of: 1, limit: 1) }
    }

    /// A checkpoint's members lie in one folder, with a pickle and a sane version.
    @Test func aCheckpointIsMoreThanAZip() throws {
        func message(_ members: [(String, [UInt8])]) throws -> String? {
            let path = FileManager.default.temporaryDirectory.appending(path: "isomer-zip-\(UInt64.random(in: 0 ... .max))")
            try Data(zipArchive(members)).write(to: path)
            defer { try? FileManager.default.removeItem(at: path) }
            do throws(IsomerError) {
                _ = try TorchArchive(ReadableFile(FilePath(path.path())))
                return nil
            } catch {
                return error.what
            }
        }
        let body = pickle("}.")
        #expect(try message([("a/data.pkl", body), ("a/version", pickle("3\n"))]) == nil)
        #expect(try message([("a/data.pkl", body), ("b/data.pkl", body)]) == "the archive has members outside of its folder")
        #expect(try message([("data.pkl", body)])?.contains("members outside of a folder") == true)
        #expect(try message([("a/model.pkl", body)])?.contains("has no data.pkl") == true)
        #expect(try message([("a/data.pkl", body), ("a/version", pickle("300"))]) == "the archive has an unknown version")
        #expect(try message([("a/data.pkl", body), ("a/byteorder", pickle("middle"))]) == "the archive has an unknown byte order")
        #expect(try message([("a/data.pkl", body + [0x2E])]) == "there are bytes after the end of the pickle")
        #expect(
            try message([("a/data.pkl", body), ("a/constants.pkl", body), ("a/code/x.py", body)])
                == "the file is a TorchScript program, not a checkpoint")
    }

    @Test func sumsOfRangesInAnyOrder() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var sum = RangeChecksum()
        for start in stride(from: 0, to: 1000, by: 37).shuffled() {
            let isNew = sum.add(CRC32(Array(bytes[start..<min(1000, start + 37)])), at: UInt64(start))
            #expect(isNew)
        }
        #expect(sum.total(of: 1000)?.value == checksum(bytes))
        #expect(sum.total(of: 999) == nil)
        let isNew = sum.add(CRC32([1, 2]), at: 5)
        #expect(!isNew)
    }
}
