import IsomerBytes
import IsomerCommands
import Testing

@Suite struct HashTests {
    @Test func printsEveryChecksum() throws {
        let folder = try TemporaryFolder()
        let file = try folder.file("a.bin", Array("abc".utf8))
        let run = CommandRun("hash", file.string)
        #expect(run.status == .done)
        #expect(
            run.output == """
                  sha256  ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
                  AutoV1  e3b0c442
                  AutoV2  ba7816bf8f

                """)
        let json = try CommandRun("hash", file.string, file.string, "--json").json
        #expect(json["schema"] == "isomer.hash/1")
        guard case .array(let files)? = json["files"] else { throw IsomerError(.malformed, "no files") }
        #expect(files.count == 2)
        #expect(files[1]["autoV3"] == .null)
        #expect(files[1]["autoV2"] == "ba7816bf8f")
    }

    @Test func aFolderHasNone() throws {
        let folder = try TemporaryFolder()
        let run = CommandRun("hash", folder.path.string)
        #expect(run.status == .failed)
        #expect(run.error == "isomer: \(folder.path): this is a folder, not a file\n")
    }
}
