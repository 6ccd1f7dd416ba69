import IsomerBytes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct FileSystemTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func kindsFollowLinks() throws {
        try folder.file("file", [])
        try folder.folder("folder")
        try folder.link("to-file", to: "file")
        try folder.link("to-folder", to: "folder")
        #expect(try FileSystem.kind(of: folder["file"]) == .file)
        #expect(try FileSystem.kind(of: folder["to-file"]) == .file)
        #expect(try FileSystem.kind(of: folder["folder"]) == .folder)
        #expect(try FileSystem.kind(of: folder["to-folder"]) == .folder)
        #expect(try FileSystem.kind(of: folder["missing"]) == nil)
        #expect(try FileSystem.kind(of: folder["file/below"]) == nil)
        #expect(try FileSystem.kind(of: "/dev/null") == .other)
    }

    @Test func linksThatLeadNowhereOrInACircleAreErrors() throws {
        try folder.link("nowhere", to: "missing")
        try folder.link("circle", to: "circle")
        #expect(error { _ = try FileSystem.kind(of: folder["nowhere"]) }?.what == "this symbolic link leads nowhere")
        #expect(error { _ = try FileSystem.kind(of: folder["circle"]) }?.what == "its symbolic links lead in a circle")
    }

    @Test func entriesComeInTheOrderOfTheirBytes() throws {
        for name in ["b", "a", "B", "\u{E9}", "e\u{301}", ".hidden", "10", "9"] { try folder.file(name, []) }
        #expect(try folder.names == [".hidden", "10", "9", "B", "a", "b", "e\u{301}", "\u{E9}"])
        #expect(error { _ = try FileSystem.entries(of: folder["a"]) }?.what == "this is a file, not a folder")
        #expect(error { _ = try FileSystem.entries(of: folder["missing"]) }?.what == "there is no such file or folder")
    }

    @Test func namesThatAreNotUnicodeSurvive() throws {
        #expect(
            [CChar(bitPattern: 0xFF), 0x61, 0].withUnsafeBufferPointer { bytes in
                bytes.baseAddress.map { FilePath(platformString: $0) }.map { folder.path.pushing($0) }.map { path in
                    path.withPlatformString { mkdir($0, 0o777) }
                }
            } == 0)
        let name = try #require(try FileSystem.entries(of: folder.path).first)
        #expect(try FileSystem.kind(of: folder.path.appending(name)) == .folder)
    }

    @Test(arguments: ["a", "model.safetensors", "...", "-", " ", "C:", "\u{E9}", String(repeating: "x", count: 255)])
    func plainNamesAreSafe(name: String) throws {
        #expect(try FileSystem.safeComponent(name).string == name)
    }

    @Test(arguments: ["", ".", "..", "/", "a/b", "/a", "a/", "a\\b", "\u{0}", "a\u{1B}[2J", "\u{7F}", String(repeating: "x", count: 256)])
    func otherNamesAreNot(name: String) {
        #expect(error { _ = try FileSystem.safeComponent(name) }?.code == .unsafe)
    }
}
