import IsomerBytes
import IsomerCommands
import IsomerTensors
import Testing

@Suite struct DiffTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func aModelEqualsItsCheckpoint() throws {
        let model = Fixtures["models/sd15-tiny"]
        let checkpoint = folder["tiny.safetensors"]
        #expect(CommandRun("convert", model.string, checkpoint.string, "-q").status == .done)
        let run = CommandRun("diff", model.string, checkpoint.string)
        #expect(run.status == .done)
        #expect(run.output.contains("equal, to the last bit"))
        #expect(run.output.contains("970 tensors"))

        #expect(CommandRun("convert", model.string, folder["half.safetensors"].string, "-q", "--dtype", "f16").status == .done)
        let rounded = CommandRun("diff", model.string, folder["half.safetensors"].string, "--json")
        #expect(rounded.status == .checkFailed)
        #expect(try rounded.json["equal"] == false)
        #expect(CommandRun("diff", model.string, folder["half.safetensors"].string, "--tolerance", "0.001", "-q").status == .done)
        #expect(CommandRun("diff", model.string, folder["half.safetensors"].string, "--tolerance", "0", "-q").status == .checkFailed)
        // What was asked for is said in any case.
        #expect(CommandRun("diff", model.string, checkpoint.string, "-q").output.contains("equal, to the last bit"))
    }

    @Test func saysWhatDiffers() throws {
        try Weights.write(
            [
                ("same", .f32, [2], Weights.floats([1, 2])), ("changed", .f32, [3], Weights.floats([1, 2, .infinity])),
                ("turned", .f32, [1, 2], Weights.floats([1, 2])), ("typed", .f32, [1], Weights.floats([1])),
                ("gone", .f32, [1], Weights.floats([0])), ("zero", .f32, [1], Weights.floats([0])),
            ], to: folder["a.safetensors"])
        try Weights.write(
            [
                ("same", .f32, [2], Weights.floats([1, 2])), ("changed", .f32, [3], Weights.floats([1, 2.5, 3])),
                ("turned", .f32, [2, 1], Weights.floats([1, 2])), ("typed", .bf16, [1], [0x80, 0x3F]),
                ("new\u{1B}", .f32, [1], Weights.floats([0])), ("zero", .f32, [1], Weights.floats([-0.0])),
            ], to: folder["b.safetensors"])
        let run = CommandRun("diff", folder["a.safetensors"].string, folder["b.safetensors"].string)
        #expect(run.status == .checkFailed)
        try expectSnapshot(run.output.replacing(folder.path.string, with: "FOLDER"), "diff")
    }

    @Test func equalFilesAreEqual() throws {
        try Weights.write([("a", .f32, [1], Weights.floats([.nan]))], to: folder["a.safetensors"])
        #expect(CommandRun("diff", folder["a.safetensors"].string, folder["a.safetensors"].string).status == .done)
        #expect(CommandRun("diff", folder["a.safetensors"].string, folder["none"].string).status == .failed)
        #expect(CommandRun("diff", folder["a.safetensors"].string).status == .usage)
        #expect(CommandRun("diff", "a", "b", "--tolerance", "-1").status == .usage)
    }
}
