import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct ConvertTests {
    private let folder: TemporaryFolder
    private let source: FilePath

    init() throws {
        folder = try TemporaryFolder()
        source = folder["source.safetensors"]
        try Weights.write(
            [
                ("layer.weight", .f32, [2, 3], Weights.floats([1, 2, 3, 4, 5, 100_000])),
                ("layer.bias", .f32, [3], Weights.floats([0.5, 1e-9, -1])), ("ids", .i64, [1], [1, 0, 0, 0, 0, 0, 0, 0]),
            ], metadata: ["format": "pt", "title": "t\u{1B}[2J", "sshs_model_hash": "old"], to: source)
    }

    @Test func copiesAFileByteForByte() throws {
        let run = CommandRun("convert", source.string, folder["out.safetensors"].string, "--verify", "full")
        #expect(run.status == .done)
        #expect(run.error == "")
        #expect(try folder.bytes("out.safetensors") == folder.bytes("source.safetensors"))
        #expect(run.output.contains("tensors  3\n"))
        #expect(run.output.contains("every byte read back and compared with the source"))
    }

    @Test func flagsOfModelsChangeNothingWhereNamesStay() throws {
        let run = CommandRun(
            "convert", source.string, folder["out.safetensors"].string, "--prediction-type", "v", "--config", folder["none"].string)
        #expect(run.status == .done)
        #expect(run.output.contains("--config, --prediction-type change nothing: the names stay"))
    }

    @Test func aFolderThatIsThereIsAFolderWhateverItsName() throws {
        let model = Fixtures["models/sd15-tiny"]
        let named = CommandRun("convert", model.string, folder["my.model"].string)
        #expect(named.error.contains("the destination's name does not say what to write"))
        #expect(CommandRun("convert", Fixtures["models/sd15-tiny"].string, folder["model.H5"].string).status == .usage)
        let made = CommandRun("convert", model.string, folder["my.model"].string, "--to", "diffusers")
        #expect(made.status == .done)
        #expect(CommandRun("convert", model.string, folder["my.model"].string, "--overwrite").status == .done)
    }

    @Test func adaptersFlagsChangeNothingOfAModel() throws {
        let run = CommandRun("convert", Fixtures["models/sd15-tiny"].string, folder["m.safetensors"].string, "--rank", "4", "--fold-alpha")
        #expect(run.status == .done)
        #expect(run.output.contains("--fold-alpha, --rank change nothing: this is no adapter"))
    }

    @Test func castsFloatsAndLeavesIntegers() throws {
        let run = CommandRun(
            "convert", source.string, folder["half.sft"].string, "--dtype", "fp16", "--metadata", "author=me=you", "--json")
        #expect(run.status == .done)
        #expect(run.error == "isomer: warning: layer.weight: 1 value did not fit into the new type\n")
        let json = try run.json
        #expect(json["schema"] == "isomer.convert/1")
        #expect(json["verification"] == "header")
        #expect(
            json["losses"] == [
                ["file": .string(folder["half.sft"].string), "name": "layer.bias", "overflowed": 0, "flushed": 1, "lostNaN": 0],
                ["file": .string(folder["half.sft"].string), "name": "layer.weight", "overflowed": 1, "flushed": 0, "lostNaN": 0],
            ])
        let result = try SafetensorsReader(folder["half.sft"])
        #expect(result.tensors.map { "\($0.name) \($0.scalarType.rawValue)" } == ["ids I64", "layer.bias F16", "layer.weight F16"])
        #expect(result.metadata["author"] == "me=you")
        #expect(result.metadata["title"] == "t\u{1B}[2J")
        #expect(result.metadata["sshs_model_hash"] == nil)
    }

    @Test func cutsIntoShardsAndReadsThemBack() throws {
        let sharded = CommandRun("convert", source.string, folder["model.safetensors"].string, "--max-shard-size", "30", "-q")
        #expect(sharded.status == .done)
        #expect(sharded.output == "")
        let whole = CommandRun("convert", folder["model.safetensors.index.json"].string, folder["whole.safetensors"].string)
        #expect(whole.status == .done)
        #expect(try folder.bytes("whole.safetensors").suffix(44) == folder.bytes("source.safetensors").suffix(44))
        // Again over the first set: together, and nothing is left beside it.
        let names = try folder.names
        let again = CommandRun("convert", source.string, folder["model.safetensors"].string, "--max-shard-size", "30", "-q", "--overwrite")
        #expect(again.status == .done)
        #expect(try folder.names == names)
        #expect(CommandRun("diff", folder["model.safetensors.index.json"].string, source.string).status == .done)
    }

    /// What goes with what is replaced is named in the report.
    @Test func tellsWhatIsRemoved() throws {
        func convert(_ source: FilePath, _ name: String, _ flags: String...) -> CommandRun {
            CommandRun(["convert", source.string, folder[name].string, "--overwrite"] + flags)
        }
        #expect(convert(source, "m.safetensors", "--max-shard-size", "1").status == .done)
        let smaller = convert(source, "m.safetensors", "--max-shard-size", "30")
        #expect(smaller.output.contains("removed, as parts of what was replaced"))
        #expect(smaller.output.contains("m-00001-of-00003.safetensors"))
        #expect(!convert(source, "m.safetensors", "--max-shard-size", "30").output.contains("removed"))

        #expect(convert(Fixtures["models/sd15-tiny"], "n.safetensors", "--keep-extras").status == .done)
        let other = convert(Fixtures["models/sd15-tiny-bin"], "n.safetensors", "--json")
        let extras = folder["n.safetensors.extras.safetensors"].string
        #expect(try JSONValue(parsing: Array(other.output.utf8))["removed"] == [.string(extras)])
        #expect(try FileSystem.kind(of: folder["n.safetensors.extras.safetensors"]) == nil)
    }

    /// What a run would remove is what it removes then; without `--overwrite` nothing would.
    @Test func aDryRunTellsWhatWouldBeRemoved() throws {
        func removed(_ source: FilePath, _ flags: String...) throws -> JSONValue? {
            try CommandRun(["convert", source.string, folder["m.safetensors"].string, "--json"] + flags).json["removed"]
        }
        #expect(try removed(Fixtures["models/sd15-tiny"], "--max-shard-size", "300kB", "--keep-extras") == [])
        let names = try folder.names
        let planned = try removed(source, "--overwrite", "--dry-run")
        guard case .array(let paths)? = planned else { throw IsomerError(.malformed, "no list of paths") }
        #expect(paths.count > 3 && paths.contains(.string(folder["m.safetensors.index.json"].string)))
        #expect(paths.contains(.string(folder["m.safetensors.extras.safetensors"].string)))
        #expect(try removed(source, "--dry-run") == [])
        let text = CommandRun("convert", source.string, folder["m.safetensors"].string, "--overwrite", "--dry-run").output
        #expect(text.contains("removed, as parts of what is replaced"))
        #expect(try folder.names == names)
        #expect(try removed(source, "--overwrite") == planned)
        #expect(try folder.names == ["m.safetensors", "source.safetensors"])
    }

    @Test func aNameThatEndsInASlashIsAFolder() throws {
        let model = Fixtures["models/sd15-tiny"].string
        for name in ["new.dir/", "new.safetensors/"] {
            #expect(CommandRun("convert", model, folder[name].string + "/", "--quiet").status == .done)
            #expect(try FileSystem.kind(of: folder[name].appending("model_index.json")) == .file)
        }
        let refused = CommandRun("convert", model, folder["x.dir"].string + "/", "--to", "safetensors")
        #expect(refused.status == .usage && refused.error.contains("ends in a slash is a folder's"), "\(refused.error)")
        #expect(CommandRun("convert", model, folder["x.dir"].string).error.contains("end a folder's name in a slash"))
        #expect(try FileSystem.kind(of: folder["x.dir"]) == nil)
    }

    @Test func flagsThatDenyEachOtherAreRefused() throws {
        let out = folder["x.safetensors"].string
        for arguments in [["--verify", "full", "--no-verify"], ["--verify", "header", "--no-verify"], ["--legacy"]] {
            let run = CommandRun(["convert", source.string, out] + arguments)
            #expect(run.status == .usage && run.error.contains(arguments.last ?? ""), "\(run.error)")
        }
        #expect(try FileSystem.kind(of: folder["x.safetensors"]) == nil)
    }

    /// Nothing is read back from a pipe, and none is replaced by a file.
    @Test func pipesAreNoDestination() throws {
        let pipe = folder["pipe"]
        try #require(mkfifo(pipe.string, 0o600) == 0)
        try folder.link("link", to: pipe.string)
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        defer { for end in [readEnd, writeEnd] { try? end.close() } }
        // What `/dev/stdout` is where another program reads it.
        let own = "/dev/fd/\(writeEnd.rawValue)"
        for destination in [pipe.string, folder["link"].string, "/dev/null", own] {
            for arguments in [[], ["--overwrite"], ["--to", "safetensors", "--overwrite"], ["--to", "diffusers", "--overwrite"]] {
                let run = CommandRun(["convert", Fixtures["models/sd15-tiny"].string, destination] + arguments)
                #expect(run.status == .failed, "\(destination)")
                #expect(run.error.contains("a device or a pipe, which cannot be replaced whole; name a file or a folder"), "\(run.error)")
            }
            #expect(try FileSystem.kind(of: FilePath(destination)) == .other)
        }
        let dash = CommandRun("convert", source.string, "-", "--to", "safetensors")
        #expect(dash.status == .usage && dash.error.contains("`./-` is a file of that name"), "\(dash.error)")
    }

    @Test func headsThatDoNotDivideAreNamed() throws {
        let unet = Fixtures["models/sd15-tiny/unet"]
        let text = String(decoding: try ReadableFile(unet.appending("config.json")).contents(limit: 1 << 20), as: UTF8.self)
        let config = try folder.file(
            "config.json", Array(text.replacing("\"attention_head_dim\": 4", with: "\"attention_head_dim\": 7").utf8))
        let file = folder["unet.safetensors"].string
        #expect(CommandRun("convert", unet.string, file, "--architecture", "sd1").status == .done)
        let run = CommandRun("validate", file, "--architecture", "sd1", "--config", config.string)
        #expect(run.status != .done)
        #expect(run.error.contains("attention heads do not divide the width of level 0") && run.error.contains("found 7"), "\(run.error)")
    }

    @Test func showsThePlanAndDoesNothing() throws {
        let run = CommandRun("convert", source.string, folder["never.safetensors"].string, "--dtype", "bf16", "--dry-run")
        #expect(run.status == .done)
        try expectSnapshot(run.output.replacing(folder.path.string, with: "FOLDER"), "convert-dry-run")
        let json = CommandRun("convert", source.string, folder["never.safetensors"].string, "--dtype", "bf16", "--dry-run", "--json")
        #expect(try json.json["files"] != nil)
        #expect(try FileSystem.kind(of: folder["never.safetensors"]) == nil)
    }

    @Test func doesNotReplaceWithoutBeingTold() throws {
        try folder.file("there.safetensors", [1, 2, 3])
        let refused = CommandRun("convert", source.string, folder["there.safetensors"].string)
        #expect(refused.status == .failed)
        #expect(
            refused.error
                == "isomer: \(folder["there.safetensors"]): there is something with this name already; choose another name or add `--overwrite`\n"
        )
        #expect(try folder.bytes("there.safetensors") == [1, 2, 3])
        #expect(CommandRun("convert", source.string, folder["there.safetensors"].string, "--overwrite").status == .done)
        #expect(try folder.bytes("there.safetensors") == folder.bytes("source.safetensors"))
    }

    @Test func replacesItsOwnSource() throws {
        let before = try folder.bytes("source.safetensors")
        #expect(CommandRun("convert", source.string, source.string).status == .failed)
        #expect(try folder.bytes("source.safetensors") == before)
        #expect(CommandRun("convert", source.string, source.string, "--dtype", "bf16", "--overwrite").status == .done)
        #expect(try SafetensorsReader(source).tensors.filter { $0.scalarType == .bf16 }.count == 2)
    }

    @Test func saysWhatIsWrong() throws {
        let pointer = try folder.file("pointer.safetensors", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8))
        let run = CommandRun("convert", pointer.string, folder["x.safetensors"].string, "--json")
        #expect(run.status == .failed)
        #expect(run.output == "")
        let error = try JSONValue(parsing: Array(run.error.dropLast().utf8))
        #expect(error["schema"] == "isomer.error/1")
        #expect(error["error"]?["code"] == "unsupported")
        #expect(error["error"]?["remedy"] == "run `git lfs pull` in its folder, or download the file itself")
    }

    @Test(arguments: [
        ["convert"], ["convert", "a"], ["convert", "a", "b.safetensors", "--dtype", "f8"], ["convert", "a", "b.unknown"],
        ["convert", "a", "b.safetensors", "--max-shard-size", "0"], ["convert", "a", "b.safetensors", "--metadata", "=x"],
        ["convert", "a", "b.safetensors", "--threads", "0"], ["nothing"], ["convert", "", "b.safetensors"],
    ]) func wrongCommandLinesAreUsageErrors(_ arguments: [String]) {
        let run = CommandRun(arguments)
        #expect(run.status == .usage)
        #expect(run.output == "")
        #expect(run.error.hasPrefix("isomer: "))
        let json = CommandRun(arguments + ["--json"])
        #expect(json.status == .usage)
        #expect((try? JSONValue(parsing: Array(json.error.dropLast().utf8))["error"]?["code"]) == "usage")
    }

    @Test func aMissingSourceIsOneSentence() {
        let run = CommandRun("convert", folder["no\u{1B}thing"].string, folder["x.safetensors"].string)
        #expect(run.status == .failed)
        #expect(run.error == "isomer: \(folder.path)/no\\u{1b}thing: there is no such file or folder; check the path\n")
    }

    @Test func aFolderBecomesACheckpointAndBack() throws {
        let model = Fixtures["models/sd15-tiny"]
        let checkpoint = folder["tiny.safetensors"]
        #expect(CommandRun("convert", model.string, checkpoint.string).status == .done)
        #expect(try SafetensorsReader(checkpoint).tensors.contains { $0.name == "model.diffusion_model.input_blocks.0.0.weight" })

        let refused = CommandRun("convert", checkpoint.string, folder["tiny"].string)
        #expect(refused.status == .failed)
        #expect(refused.error.contains("--config"))
        #expect(CommandRun("convert", checkpoint.string, folder["tiny"].string, "--config", model.string, "-q").status == .done)
        #expect(CommandRun("convert", folder["tiny"].string, folder["again.safetensors"].string, "-q").status == .done)
        #expect(try folder.bytes("again.safetensors") == folder.bytes("tiny.safetensors"))
    }

    @Test func namesWithVersionsAreFolders() throws {
        let model = Fixtures["models/sd15-tiny"]
        #expect(CommandRun("convert", model.string, folder["tiny-v1.5"].string, "-q").status == .done)
        #expect(try FileSystem.kind(of: folder["tiny-v1.5"].appending("model_index.json")) == .file)
    }

    @Test(arguments: ["ckpt", "pt", "bin"], [false, true]) func throughTorchAndBack(_ ending: String, isLegacy: Bool) throws {
        let torch = folder["model.\(ending)"]
        let run = CommandRun(["convert", source.string, torch.string, "--verify", "full"] + (isLegacy ? ["--legacy"] : []))
        #expect(run.status == .done)
        // Beside a state dictionary there is a place for them; in a bare one there is none, and that is said.
        let isNested = ending == "ckpt"
        #expect(run.output.contains("the metadata entries title, sshs_model_hash are left out") == !isNested)
        #expect(try ReadableFile(torch).bytes(at: 0, count: 2) == (isLegacy ? [0x80, 0x02] : Array("PK".utf8)))
        #expect(CommandRun("convert", torch.string, folder["back.safetensors"].string, "-q").status == .done)
        #expect(CommandRun("diff", source.string, folder["back.safetensors"].string).status == .done)
        let metadata = try SafetensorsReader(folder["back.safetensors"]).metadata
        #expect(metadata["format"] == "pt")
        #expect((metadata["title"] != nil) == isNested)
    }

    @Test func aCheckpointKeepsWhatItSaysOfItsTraining() throws {
        let checkpoint = Fixtures["checkpoints/sd15-ema.ckpt"]
        #expect(CommandRun("convert", checkpoint.string, folder["copy.ckpt"].string, "-q").status == .done)
        let copy = try TorchArchive(ReadableFile(folder["copy.ckpt"]))
        #expect(copy.stateDictPath == ["state_dict"])
        #expect(copy.metadata["global_step"] == "470000")
        #expect(CommandRun("diff", checkpoint.string, folder["copy.ckpt"].string).status == .done)
    }

    @Test func aFlippedBitInACheckpointIsFound() throws {
        let torch = folder["model.pt"]
        #expect(CommandRun("convert", source.string, torch.string, "-q").status == .done)
        var bytes = try folder.bytes("model.pt")
        let weights = Weights.floats([1, 2, 3, 4, 5, 100_000])
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: weights) })
        bytes[place] ^= 1
        try folder.file("model.pt", bytes)
        let run = CommandRun("convert", torch.string, folder["never.safetensors"].string)
        #expect(run.status == .failed)
        #expect(try FileSystem.kind(of: folder["never.safetensors"]) == nil)
    }
}
