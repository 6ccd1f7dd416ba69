import IsomerBytes
import IsomerCommands
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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

    /// Every weight file in it counts, at any depth, and nothing else.
    @Test func foldersAreTheirWeightFiles() throws {
        let folder = try TemporaryFolder()
        #expect(CommandRun("hash", folder.path.string).error.contains("no weight files in this folder"))
        let unet = try folder.folder("unet")
        let weights = try folder.file("unet/a.safetensors", Array("\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}{}      ".utf8))
        let checkpoint = try folder.file("b.CKPT", Array("abc".utf8))
        try folder.file("unet/config.json", Array("{}".utf8))
        guard case .array(let files)? = try CommandRun("hash", folder.path.string, "--json").json["files"] else {
            throw IsomerError(.malformed, "no files")
        }
        #expect(files.map { $0["path"] } == [.string(checkpoint.string), .string(weights.string)])

        let silent = CommandRun("hash", "--check", folder.path.string)
        #expect(silent.status == .failed && silent.error.contains("nothing says what the checksum should be"))
        #expect(CommandRun("hash", "--write", unet.string).status == .done)
        let half = CommandRun("hash", "--check", folder.path.string)
        #expect(half.status == .done && half.output == "\(weights): OK\n")
        #expect(half.error.contains("\(checkpoint): nothing says"), "\(half.error)")
        #expect(CommandRun("hash", "--write", folder.path.string).status == .done)
        #expect(CommandRun("hash", "--check", folder.path.string).output == "\(checkpoint): OK\n\(weights): OK\n")
        // One list speaks of several files, whatever is beside each.
        try folder.file("b.CKPT", Array("abd".utf8))
        #expect(CommandRun("hash", "--check", folder.path.string).status == .checkFailed)
        #expect(unlink(weights.string) == 0)
        #expect(CommandRun("hash", "--check", folder.path.string).output == "\(checkpoint): FAILED\n\(weights): FAILED open or read\n")
    }

    /// What `sha256sum` would write and check, and what it would not: the promises in a file's own metadata.
    @Test func listsAreWrittenAndChecked() throws {
        let folder = try TemporaryFolder()
        let file = try folder.file("a\\b.bin", Array("abc".utf8))
        #expect(CommandRun("hash", "--check", file.string).error.contains("nothing says what the checksum should be"))
        #expect(CommandRun("hash", "--write", file.string).status == .done)
        let list = try #require(String(validating: ReadableFile(folder["a\\b.bin.sha256"]).contents(limit: 1 << 10), as: UTF8.self))
        #expect(list.hasPrefix("# size 3 modified "))
        #expect(list.hasSuffix("\n\\ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\\\\b.bin\n"))
        #expect(CommandRun("hash", "--check", file.string).output == "\(file): OK\n")
        #expect(CommandRun("hash", "--check", file.string + ".sha256").status == .done)

        try folder.file("a\\b.bin", Array("abd".utf8))
        let changed = CommandRun("hash", "--check", file.string)
        #expect(changed.status == .checkFailed)
        #expect(changed.output == "\(file): FAILED\n")
        #expect(CommandRun("hash", "--write", file.string).error.contains("says something else"))
        #expect(CommandRun("hash", "--write", "--overwrite", file.string).status == .done)
        #expect(CommandRun("hash", "--check", file.string).status == .done)

        let sum = String(repeating: "0", count: 64)
        try folder.file("SHA256SUMS", Array("\(sum)  ../outside\n".utf8))
        #expect(CommandRun("hash", "--check", folder["SHA256SUMS"].string).error.contains("leads out of its folder"))
        try folder.file("SHA256SUMS", Array("\(sum) *gone\n".utf8))
        let gone = CommandRun("hash", "--check", folder["SHA256SUMS"].string)
        #expect(gone.status == .checkFailed)
        #expect(gone.output == "\(folder["gone"]): FAILED open or read\n")
    }

    /// Damage is what a checksum is there to find; that the file cannot be read then is no answer.
    @Test func aDamagedFileDoesNotAgree() throws {
        let folder = try TemporaryFolder()
        let whole = Array("\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}{}      ".utf8)
        let file = try folder.file("a.safetensors", whole)
        #expect(CommandRun("hash", "--write", file.string).status == .done)
        for damaged in [whole + [0x78], Array(whole.dropLast()), Array(whole.prefix(9))] {
            try folder.file("a.safetensors", damaged)
            for path in [file.string, file.string + ".sha256"] {
                let run = CommandRun("hash", "--check", path)
                #expect(run.status == .checkFailed && run.output == "\(file): FAILED\n", "\(run.error)")
            }
            #expect(CommandRun("hash", "--write", "--overwrite", file.string).status == (damaged.count > 9 ? .failed : .done))
            try folder.file("a.safetensors", whole)
            #expect(CommandRun("hash", "--write", "--overwrite", file.string).status == .done)
        }
    }

    @Test func inspectNotesWhatChangedSince() throws {
        let folder = try TemporaryFolder()
        let model = Fixtures["components/vae-4/diffusion_pytorch_model.safetensors"]
        let bytes = try ReadableFile(model).contents(limit: 1 << 20)
        let file = try folder.file("a.safetensors", bytes)
        #expect(CommandRun("hash", "--write", file.string).status == .done)
        #expect(!CommandRun("inspect", file.string).output.contains("since"))
        try folder.file("a.safetensors", bytes)
        #expect(CommandRun("inspect", file.string).output.contains("the file was written to since its checksum was"))
        #expect(CommandRun("metadata", "set", file.string, "title=\(String(repeating: "long ", count: 99))", "--quiet").status == .done)
        #expect(CommandRun("inspect", file.string).output.contains("the content changed since its checksum was written"))
        let run = CommandRun("hash", "--check", file.string)
        #expect(run.status == .checkFailed)
        #expect(run.output == "\(file): FAILED\n")
        // What a file promises of its tensors is checked without a list.
        let wrong = "sshs_model_hash=\(String(repeating: "0", count: 64))"
        #expect(CommandRun("metadata", "set", file.string, wrong, "--quiet").status == .done)
        #expect(CommandRun("hash", "--check", file.string).output.contains("(sshs_model_hash): FAILED"))
    }
}
