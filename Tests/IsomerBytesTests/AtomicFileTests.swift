import IsomerBytes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct AtomicFileTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func write(_ bytes: [UInt8], to path: FilePath, overwrite: Bool = false, inputs: [FileIdentity] = []) throws(IsomerError) {
        let output = try AtomicFile(path: path, byteCount: UInt64(bytes.count), overwrite: overwrite, inputs: inputs)
        try output.file.write(bytes, at: 0)
        try output.commit()
    }

    @Test func appearsOnlyWhenCommitted() throws {
        let output = try AtomicFile(path: folder["out"], byteCount: 3, overwrite: false)
        try output.file.write([1, 2, 3], at: 0)
        #expect(try FileSystem.kind(of: folder["out"]) == nil)
        #expect(try folder.names.count == 1)
        try output.commit()
        #expect(try folder.names == ["out"])
        #expect(try folder.bytes("out") == [1, 2, 3])
    }

    @Test func goesAwayWithoutCommit() throws {
        try folder.file("out", [9])
        do {
            let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: true)
            try output.file.write([1, 2, 3], at: 0)
        }
        #expect(try folder.names == ["out"])
        #expect(try folder.bytes("out") == [9])
    }

    @Test func existingFileIsKeptUnlessOverwritten() throws {
        try folder.file("out", [9])
        let failure = error { try write([1], to: folder["out"]) }
        #expect(
            failure
                == IsomerError(
                    .cannotWrite, "there is something with this name already", path: folder["out"],
                    remedy: "choose another name or add `--overwrite`"))
        #expect(try folder.bytes("out") == [9])
        try write([1], to: folder["out"], overwrite: true)
        #expect(try folder.bytes("out") == [1])
        #expect(try folder.names == ["out"])
    }

    @Test func whoeverTookTheNameMeanwhileKeepsIt() throws {
        let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: false)
        try output.file.write([1], at: 0)
        try folder.file("out", [9])
        #expect(error { try output.commit() }?.remedy == "choose another name or add `--overwrite`")
        #expect(try folder.bytes("out") == [9])
        #expect(try folder.names == ["out"])
    }

    @Test func permissionsCarryOver() throws {
        try folder.file("out", [9])
        chmod(folder["out"].string, 0o640)
        try write([1], to: folder["out"], overwrite: true)
        var status = stat()
        #expect(stat(folder["out"].string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o640)
    }

    @Test func linksStayLinks() throws {
        try folder.file("target", [9])
        try folder.link("link", to: "target")
        try write([1], to: folder["link"], overwrite: true)
        #expect(try folder.bytes("target") == [1])
        var status = stat()
        #expect(lstat(folder["link"].string, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        try folder.link("dangling", to: "made")
        try write([2], to: folder["dangling"])
        #expect(try folder.bytes("made") == [2])
    }

    @Test func linksInACircleAreRefused() throws {
        try folder.link("a", to: "b")
        try folder.link("b", to: "a")
        #expect(error { try write([1], to: folder["a"], overwrite: true) }?.what == "its symbolic links lead in a circle")
    }

    @Test(arguments: ["/dev/null", "/dev/full"])
    func devicesAreRefused(path: String) {
        #expect(
            error { try write([1], to: FilePath(path), overwrite: true) }?.what
                == "this is a device or a pipe, which cannot be replaced whole")
    }

    @Test func pipesAreRefusedWithoutWaiting() throws {
        #expect(mkfifo(folder["pipe"].string, 0o600) == 0)
        #expect(error { try write([1], to: folder["pipe"], overwrite: true) }?.code == .cannotWrite)
    }

    @Test func foldersAndNamelessPathsAreRefused() throws {
        #expect(error { try write([1], to: folder.path, overwrite: true) }?.what == "this is a folder, not a file")
        #expect(error { try write([1], to: "/", overwrite: true) }?.code == .usage)
        #expect(error { try write([1], to: folder[".."], overwrite: true) }?.code == .usage)
        #expect(error { try write([1], to: folder["no/out"]) }?.what == "there is no such folder")
    }

    @Test func aSizeThatCannotFitIsRefusedBeforeWriting() throws {
        let failure = error { _ = try AtomicFile(path: folder["out"], byteCount: 1 << 60, overwrite: false) }
        #expect(failure?.what == "the disk has not enough free space for the output")
        #expect(try folder.names == [])
    }

    @Test func anotherSizeThanPlannedIsRefused() throws {
        let output = try AtomicFile(path: folder["out"], byteCount: 4, overwrite: false)
        try output.file.write([1, 2, 3], at: 0)
        #expect(error { try output.commit() }?.code == .mismatch)
        #expect(try folder.names == [])
    }

    @Test func theInputMayBeReplacedWhileItIsRead() throws {
        try folder.file("model", [1, 2, 3])
        let input = try ReadableFile(folder["model"])
        #expect(error { try write([0], to: folder["model"], inputs: [input.identity]) }?.what == "the output is one of the inputs")
        try write([4, 5], to: folder["model"], overwrite: true, inputs: [input.identity])
        #expect(try input.bytes(at: 0, count: 3) == [1, 2, 3])
        #expect(try folder.bytes("model") == [4, 5])
    }
}
