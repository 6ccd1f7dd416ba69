import IsomerBytes
import IsomerCommands
import Testing

@Suite struct ValidateTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let model = Fixtures.root.pushing("models/sd15-tiny").string

    @Test func aModelIsSoundAndEqualsItsCheckpoint() throws {
        let checkpoint = folder["tiny.safetensors"].string
        #expect(CommandRun("convert", model, checkpoint, "-q").status == .done)
        let run = CommandRun("validate", model, "--against", checkpoint, "--json", "--latent-size", "8")
        #expect(run.status == .done, "\(run.error)")
        let json = try run.json
        #expect(json["sound"] == true)
        guard case .array(let components)? = json["components"], case .array(let differences)? = json["against"]?["differences"] else {
            Issue.record("no components")
            return
        }
        #expect(components.count == 3)
        #expect(differences.count == 6)
        #expect(
            differences.allSatisfy { difference in
                guard case .number(let largest)? = difference["largest"] else { return false }
                return largest.double == 0
            })
        #expect(CommandRun("validate", model, "--latent-size", "8").output.contains("sound"))
        let back = CommandRun("convert", checkpoint, folder["back"].string, "-q", "--verify", "forward", "--config", model)
        #expect(back.status == .done, "\(back.error)")
    }

    @Test func anotherDtypeDiffersALittle() throws {
        let half = folder["half.safetensors"].string
        #expect(CommandRun("convert", model, half, "-q", "--dtype", "f16").status == .done)
        #expect(CommandRun("validate", model, "--against", half, "-q", "--latent-size", "8").status == .done)
        #expect(CommandRun("validate", model, "--against", half, "-q", "--latent-size", "8", "--tolerance", "0").status == .checkFailed)
        #expect(CommandRun("validate", model, "-q", "--precision", "bf16", "--latent-size", "8").status == .done)
    }

    @Test func tellsWhatIsMissingAndWhatNeedsTooMuch() throws {
        let run = CommandRun("validate", model, "--memory", "10KB")
        #expect(run.status == .failed)
        #expect(run.error.contains("more memory than allowed"))
        #expect(CommandRun("validate", model, "--component", "tokens").status == .usage)
        #expect(CommandRun("validate", folder["none"].string).status == .failed)
    }
}
