import IsomerBytes
import IsomerCommands
import IsomerTensors
import Testing

@Suite struct InspectTests {
    private static let model = Fixtures["models/sd15-tiny"]
    private static let checkpoint = Fixtures["checkpoints/sd15-ema.ckpt"]

    /// The paths of this machine do not belong into snapshots.
    private func said(_ arguments: String...) -> String {
        CommandRun(["inspect"] + arguments).output.replacing(Fixtures.root.string, with: "FIXTURES")
    }

    @Test func saysWhatAFolderIs() throws {
        try expectSnapshot(said(Self.model.string), "inspect-folder")
    }

    @Test func saysWhatACheckpointIs() throws {
        try expectSnapshot(said(Self.checkpoint.string), "inspect-checkpoint")
    }

    @Test func drawsStatistics() throws {
        try expectSnapshot(said(Self.model.string, "--stats", "--tensors", "unet/conv_in.*"), "inspect-stats")
    }

    @Test func statisticsAreTheTensors() throws {
        let folder = try TemporaryFolder()
        let path = folder["x.safetensors"]
        try Weights.write(
            [
                ("a", .f32, [4], Weights.floats([1, -3, .nan, 2])), ("empty", .f32, [0], []), ("b", .i64, [1], [5, 0, 0, 0, 0, 0, 0, 0]),
            ], to: path)
        let json = try CommandRun("inspect", path.string, "--stats", "--json").json
        guard case .array(let models)? = json["models"], case .array(let tensors)? = models.first?["tensors"] else {
            throw IsomerError(.malformed, "no tensors")
        }
        #expect(models[0]["architecture"] == .null)
        #expect(models[0]["parameters"] == 5)
        let a = tensors.first { $0["name"] == "a" }?["statistics"]
        #expect(a?["min"] == .number(JSONNumber(-3.0)))
        #expect(a?["max"] == .number(JSONNumber(2.0)))
        #expect(a?["mean"] == .number(JSONNumber(0.0)))
        #expect(a?["nan"] == 1)
        #expect(tensors.first { $0["name"] == "empty" }?["statistics"]?["min"] == .null)
        #expect(tensors.first { $0["name"] == "b" }?["statistics"]?["max"] == .number(JSONNumber(5.0)))
    }

    @Test func aPatternMayBeLeftAway() throws {
        #expect(CommandRun("inspect", "--tensors", Self.model.string).output.contains("unet/conv_in.weight"))
        #expect(CommandRun("inspect", Self.model.string, "--tensors").output.contains("unet/conv_in.weight"))
        #expect(!CommandRun("inspect", Self.model.string, "--tensors", "vae/*").output.contains("unet/conv_in.weight"))
        #expect(CommandRun("inspect").status == .usage)
    }

    @Test func oneBadFileDoesNotHideTheOthers() throws {
        let folder = try TemporaryFolder()
        let page = try folder.file("page.safetensors", Array("<!DOCTYPE html><html>".utf8))
        let run = CommandRun("inspect", page.string, Self.model.string)
        #expect(run.status == .failed)
        #expect(run.output.contains("Stable Diffusion 1.x"))
        #expect(run.error.contains("a web page"))
    }
}
