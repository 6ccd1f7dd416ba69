import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct PruneTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func schedule(endsInNoise: Bool) -> [Float] {
        var product = 1.0
        var values: [Float] = []
        let (low, high) = (0.00085.squareRoot(), 0.012.squareRoot())
        for step in 0..<1000 {
            let root = low + (high - low) * Double(step) / 999
            product *= 1 - root * root
            values.append(Float(endsInNoise ? product - 0.00466 : product))
        }
        return values
    }

    private func write(_ name: String, endsInNoise: Bool = false, extra: [(String, ScalarType, [Int], [UInt8])] = []) throws -> FilePath {
        let path = folder[name]
        let tensors: [(name: String, type: ScalarType, shape: [Int], bytes: [UInt8])] =
            [
                ("model.diffusion_model.input_blocks.0.0.weight", .f32, [2], Weights.floats([1, 2])),
                ("model.diffusion_model.out.2.bias", .f32, [1], Weights.floats([3])),
                ("model_ema.diffusion_modelinput_blocks00weight", .f32, [2], Weights.floats([10, 20])),
                ("model_ema.diffusion_modelout2bias", .f32, [1], Weights.floats([30])),
                ("model_ema.decay", .f32, [], Weights.floats([0.9])), ("model_ema.num_updates", .i32, [], [1, 0, 0, 0]),
                ("betas", .f32, [2], Weights.floats([0, 1])),
                ("alphas_cumprod", .f32, [1000], Weights.floats(Self.schedule(endsInNoise: endsInNoise))),
                ("lr_scheduler.last", .f32, [1], Weights.floats([0])), ("mystery.tensor", .f32, [1], Weights.floats([5])),
                ("v_pred", .f32, [0], []),
            ] + extra.map { (name: $0.0, type: $0.1, shape: $0.2, bytes: $0.3) }
        try Weights.write(tensors, metadata: ["format": "pt", "a": "b"], to: path)
        return path
    }

    private func names(_ name: String) throws -> Set<String> { Set(try SafetensorsReader(folder[name]).tensors.map(\.name)) }

    @Test func leavesOutWhatOnlyTrainingNeeded() throws {
        let source = try write("a.safetensors")
        let run = CommandRun("prune", source.string, folder["b.safetensors"].string)
        #expect(run.status == .done, "\(run.error)")
        #expect(
            try names("b.safetensors") == [
                "model.diffusion_model.input_blocks.0.0.weight", "model.diffusion_model.out.2.bias", "mystery.tensor", "v_pred",
            ])
        #expect(run.output.contains("v_pred is kept: it is what tells loaders that the model predicts velocity"))
        #expect(run.output.contains("averaged weights (--ema takes them instead of the last ones): model_ema.diffusion_modelinput"))
        #expect(run.output.contains("the noise schedule, which is the usual one: alphas_cumprod"))
        #expect(try SafetensorsReader(folder["b.safetensors"]).metadata["a"] == "b")
    }

    @Test func theAverageTakesThePlace() throws {
        let source = try write("a.safetensors")
        let run = CommandRun("prune", source.string, folder["b.safetensors"].string, "--ema")
        #expect(run.status == .done && !run.output.contains("no other weights"), "\(run.output)")
        let reader = try SafetensorsReader(folder["b.safetensors"])
        let index = try #require(reader.tensors.firstIndex { $0.name == "model.diffusion_model.input_blocks.0.0.weight" })
        #expect(try reader.bytes(of: index) == Weights.floats([10, 20]))
        #expect(try names("b.safetensors").count == 4)
        #expect(CommandRun("prune", source.string, folder["c.safetensors"].string, "--keep-ema").status == .done)
        #expect(try names("c.safetensors").count == 8)
    }

    @Test func whatMattersStays() throws {
        let source = try write("a.safetensors", endsInNoise: true)
        let run = CommandRun("prune", source.string, folder["b.safetensors"].string)
        #expect(try names("b.safetensors").contains("alphas_cumprod"))
        #expect(run.output.contains("alphas_cumprod is kept: it is not the usual schedule, and ends at"))
    }

    @Test func tiedTensorsOnlyIfTheyAreTheSame() throws {
        let equal = try write(
            "a.safetensors",
            extra: [
                ("t.shared.weight", .f32, [1], Weights.floats([1])), ("t.encoder.embed_tokens.weight", .f32, [1], Weights.floats([1])),
                ("shared.weight", .f32, [1], Weights.floats([1])), ("encoder.embed_tokens.weight", .f32, [1], Weights.floats([2])),
            ])
        let run = CommandRun("prune", equal.string, folder["b.safetensors"].string)
        #expect(try names("b.safetensors").contains("encoder.embed_tokens.weight"))
        #expect(try !names("b.safetensors").contains("t.encoder.embed_tokens.weight"))
        #expect(run.output.contains("the same as t.shared.weight"))
        #expect(run.output.contains("encoder.embed_tokens.weight is kept: it is not the same as the tensor it is tied to"))
    }

    @Test func unknownTensorsGoOnlyByName() throws {
        let source = try write("a.safetensors")
        #expect(
            CommandRun("prune", source.string, folder["b.safetensors"].string, "--drop", "mystery.*", "--keep", "betas").status == .done)
        #expect(try !names("b.safetensors").contains("mystery.tensor") && names("b.safetensors").contains("betas"))
        let nothing = CommandRun("prune", source.string, folder["c.safetensors"].string, "--drop", "no.such*")
        #expect(nothing.status == .usage && nothing.error.contains("a pattern matches no tensor of the file"))
        #expect(try FileSystem.kind(of: folder["c.safetensors"]) == nil)
    }

    @Test func refusals() throws {
        try Weights.write([("x", .f32, [1], Weights.floats([1]))], to: folder["x.safetensors"])
        let run = CommandRun("prune", folder["x.safetensors"].string, folder["y.safetensors"].string, "--ema")
        #expect(run.status == .failed && run.error.contains("the file has no averaged (EMA) weights"))
        #expect(CommandRun("prune", folder.path.string, folder["y.safetensors"].string).status == .usage)
        #expect(CommandRun("prune", folder["x.safetensors"].string, folder["y"].string).status == .usage)
        #expect(CommandRun("prune", folder["x.safetensors"].string, folder["y.safetensors"].string, "--ema", "--keep-ema").status == .usage)
        let all = CommandRun("prune", folder["x.safetensors"].string, folder["y.safetensors"].string, "--drop", "*")
        #expect(all.status == .failed && all.error.contains("nothing would be left"))
        let dry = CommandRun("prune", folder["x.safetensors"].string, folder["y.safetensors"].string, "--dry-run")
        #expect(dry.status == .done)
        #expect(try FileSystem.kind(of: folder["y.safetensors"]) == nil)
    }
}
