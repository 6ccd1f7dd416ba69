import IsomerBytes
import Testing

@Suite struct StagedFolderTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func stage(_ name: String = "model", overwrite: Bool = false, inputs: [FileIdentity] = []) throws(IsomerError) -> StagedFolder {
        try StagedFolder(path: folder[name], byteCount: 10, overwrite: overwrite, recognizedBy: ["model_index.json"], inputs: inputs)
    }

    private func fill(_ output: StagedFolder, _ bytes: [UInt8]) throws(IsomerError) {
        try output.createFile("unet/config.json").write(bytes, at: 0)
        try output.createFile("unet/weights").write(bytes, at: 0)
        try output.createFile("model_index.json").write(bytes, at: 0)
    }

    @Test func appearsWhole() throws {
        let output = try stage()
        try fill(output, [1])
        #expect(try FileSystem.kind(of: folder["model"]) == nil)
        try output.commit()
        #expect(try folder.names == ["model"])
        #expect(try folder.bytes("model/unet/config.json") == [1])
        #expect(try folder.bytes("model/model_index.json") == [1])
    }

    /// Whatever got the name after it was looked at stays, even where the old was to be replaced.
    @Test func twoOfOneName() throws {
        let (first, second) = (try stage(overwrite: true), try stage(overwrite: true))
        try fill(first, [1])
        try fill(second, [2])
        try first.commit()
        #expect(error { try second.commit() }?.remedy == "run the command again")
        #expect(try folder.names == ["model"])
        #expect(try folder.bytes("model/unet/config.json") == [1])
    }

    @Test func goesAwayWithoutCommit() throws {
        do { try fill(stage(), [1]) }
        #expect(try folder.names == [])
    }

    @Test func replacesWholeOrNotAtAll() throws {
        let first = try stage()
        try fill(first, [1])
        try first.createFile("old").write([1], at: 0)
        try first.commit()
        #expect(error { _ = try stage() }?.remedy == "choose another name or add `--overwrite`")
        do { try fill(stage(overwrite: true), [2]) }
        #expect(try folder.bytes("model/old") == [1])
        let second = try stage(overwrite: true)
        try fill(second, [2])
        try second.commit()
        #expect(try folder.names == ["model"])
        #expect(try FileSystem.entries(of: folder["model"]).map(\.string) == ["model_index.json", "unet"])
        #expect(try folder.bytes("model/unet/config.json") == [2])
    }

    @Test func anEmptyFolderIsTaken() throws {
        try folder.folder("model")
        let output = try stage()
        try fill(output, [1])
        try output.commit()
        #expect(try folder.names == ["model"])
    }

    @Test func anEmptyFolderThatWasFilledMeanwhileIsKept() throws {
        try folder.folder("model")
        let output = try stage()
        try fill(output, [1])
        try folder.file("model/note", [7])
        #expect(error { try output.commit() }?.what == "the folder is not empty")
        #expect(try folder.bytes("model/note") == [7])
        #expect(try folder.names == ["model"])
    }

    @Test func aFolderOfOtherThingsIsNotEmptied() throws {
        try folder.folder("model")
        try folder.file("model/thesis.tex", [7])
        #expect(error { _ = try stage(overwrite: true) }?.what == "this folder holds other things, and they would be removed")
        #expect(try folder.bytes("model/thesis.tex") == [7])
    }

    @Test func aFolderThatHoldsTheInputIsNotReplaced() throws {
        try folder.folder("model")
        try folder.folder("model/unet")
        try folder.file("model/model_index.json", [7])
        try folder.file("model/unet/weights", [7])
        let input = try ReadableFile(folder["model/unet/weights"])
        #expect(error { _ = try stage(overwrite: true, inputs: [input.identity]) }?.what == "the folder to be replaced holds an input")
    }

    @Test(arguments: ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".", "a/./b", "a\\b", "a\u{0}b", "a\nb"])
    func namesStayInside(name: String) throws {
        let output = try stage()
        #expect(error { _ = try output.createFile(name) }?.code == .unsafe)
    }
}
