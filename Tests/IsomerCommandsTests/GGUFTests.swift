import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

private struct Missing: Error {}

/// GGUF in and out through `convert`, and `extract`.
@Suite struct GGUFTests {
    private let folder: TemporaryFolder
    private let source: FilePath

    init() throws {
        folder = try TemporaryFolder()
        source = folder["source.safetensors"]
        func numbers(_ count: Int) -> [UInt8] { Weights.floats((0..<count).map { Float(($0 &* 7919) % 997) / 997 - 0.5 }) }
        try Weights.write(
            [
                ("blocks.0.linear.weight", .f32, [4, 256], numbers(1024)), ("blocks.0.linear.bias", .f32, [4], numbers(4)),
                ("blocks.0.narrow.weight", .f32, [2, 96], numbers(192)), ("blocks.0.norm.weight", .f32, [64], numbers(64)),
                ("token_embedding.weight", .f32, [3, 64], numbers(192)), ("conv.weight", .f32, [8, 32, 3, 3], numbers(2304)),
                ("ids", .i64, [1, 2], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ], metadata: ["format": "pt", "title": "a test"], to: source)
    }

    private func types(_ path: FilePath) throws -> [String: String] {
        try Dictionary(uniqueKeysWithValues: GGUFReader(path).tensors.map { ($0.name, $0.scalarType.rawValue) })
    }

    @Test func quantisesMatricesAndNothingElse() throws {
        let target = folder["q.gguf"]
        let run = CommandRun("convert", source.string, target.string, "--dtype", "q4_k", "--verify", "full", "--json")
        #expect(run.status == .done, "\(run.error)")
        #expect(
            try types(target) == [
                "blocks.0.linear.weight": "Q4_K", "blocks.0.linear.bias": "F32", "blocks.0.narrow.weight": "Q5_0",
                "blocks.0.norm.weight": "F32", "token_embedding.weight": "F32", "conv.weight": "F32", "ids": "I64",
            ])
        let json = try run.json
        guard case .array(let tensors)? = json["quantization"]?["tensors"] else { throw Missing() }
        #expect(tensors.count == 2)
        let reader = try GGUFReader(target)
        #expect(reader["general.file_type"] == .u32(0) && reader["general.quantization_version"] == .u32(2))
        #expect(reader["title"] == .string("a test") && reader["format"] == nil)
    }

    @Test func rulesDecide() throws {
        let target = folder["r.gguf"]
        let run = CommandRun(
            "convert", source.string, target.string, "--dtype", "q8_0", "--quantize-rule", "conv.*=q4_k", "--quantize-rule",
            "*linear.weight=f16")
        #expect(run.status == .done, "\(run.error)")
        #expect(try types(target)["conv.weight"] == "Q4_K" && types(target)["blocks.0.linear.weight"] == "F16")
        let reader = try GGUFReader(target)
        #expect(reader.tensors.first { $0.name == "conv.weight" }?.shape.dimensions == [8, 32, 3, 3])
        let unused = CommandRun(
            "convert", source.string, target.string, "--dtype", "q8_0", "--quantize-rule", "nothing*=f16", "--overwrite")
        #expect(unused.status == .usage)
        #expect(unused.error.contains("nothing*: a rule matches no tensor of numbers that can be cast"))
        let small = CommandRun("convert", source.string, folder["s.gguf"].string, "--quantize-rule", "*.bias=q8_0")
        #expect(small.status == .failed)
        #expect(small.error.contains("blocks.0.linear.bias: the tensor's elements do not fill whole blocks"))
        #expect(small.error.contains("name fewer tensors in the rule"))
        let noType = CommandRun("convert", source.string, folder["s.gguf"].string, "--quantize-rule", "*.weight=q7")
        #expect(noType.status == .usage && noType.error.contains("there is no type q7; choose one of f32, f16"))
        let noPattern = CommandRun("convert", source.string, folder["s.gguf"].string, "--quantize-rule", "q8_0")
        #expect(noPattern.status == .usage && noPattern.error.contains("a rule is a pattern, an equals sign and a type"))
        #expect(try FileSystem.kind(of: folder["s.gguf"]) == nil)
    }

    @Test func onlyGGUFHoldsBlocks() throws {
        let run = CommandRun("convert", source.string, folder["x.safetensors"].string, "--dtype", "q8_0")
        #expect(run.status == .failed)
        #expect(run.error.contains("only GGUF files hold blocks"))
    }

    @Test func thereAndBack() throws {
        let plain = folder["plain.gguf"]
        #expect(CommandRun("convert", source.string, plain.string).status == .done)
        #expect(CommandRun("convert", plain.string, folder["back.safetensors"].string).status == .done)
        #expect(CommandRun("diff", source.string, folder["back.safetensors"].string).status == .done)
        #expect(try SafetensorsReader(folder["back.safetensors"]).metadata["title"] == "a test")

        let packed = folder["packed.gguf"]
        #expect(CommandRun("convert", source.string, packed.string, "--dtype", "q8_0").status == .done)
        // The same again, byte for byte, keys included.
        #expect(CommandRun("convert", packed.string, folder["again.gguf"].string, "--verify", "full").status == .done)
        #expect(try folder.bytes("again.gguf") == folder.bytes("packed.gguf"))
        // Blocks given back as numbers are within half a step of what they were made of.
        let wide = CommandRun("convert", packed.string, folder["wide.safetensors"].string, "--dtype", "f32")
        #expect(wide.status == .done, "\(wide.error)")
        let (before, after) = (try SafetensorsReader(source), try SafetensorsReader(folder["wide.safetensors"]))
        let index = try #require(before.tensors.firstIndex { $0.name == "blocks.0.linear.weight" })
        let other = try #require(after.tensors.firstIndex { $0.name == "blocks.0.linear.weight" })
        var difference = try TensorDifference(from: .f32, to: .f32)
        let (a, b) = (try before.bytes(of: index), try after.bytes(of: other))
        try a.withUnsafeBytes { a in try b.withUnsafeBytes { b in try difference.update(a, b) } }
        #expect(difference.largestAbsolute > 0 && difference.largestAbsolute < 0.5 / 127 * 0.6)
        // Without a type they become half precision, and the report says so.
        let half = CommandRun("convert", packed.string, folder["half.safetensors"].string)
        #expect(half.output.contains("type of what was quantised: F16"))
        let types = try SafetensorsReader(folder["half.safetensors"]).tensors.map { "\($0.name) \($0.scalarType.rawValue)" }
        #expect(types.contains("blocks.0.linear.weight F16") && types.contains("blocks.0.norm.weight F32"))
    }

    @Test func otherCommandsReadThem() throws {
        let packed = folder["packed.gguf"]
        #expect(CommandRun("convert", source.string, packed.string, "--dtype", "q6_k").status == .done)
        let inspected = CommandRun("inspect", packed.string, "--stats", "--json")
        #expect(inspected.status == .done, "\(inspected.error)")
        #expect(inspected.output.contains("\"Q6_K\""))
        #expect(CommandRun("hash", packed.string).status == .done)
        #expect(CommandRun("diff", source.string, packed.string).status == .checkFailed)
    }

    /// Writes a GGUF file of `source`'s tensors, each as `change` has it.
    private func pack(
        _ source: FilePath, to path: FilePath, architecture: String, _ change: (TensorDescriptor) -> (name: String, dimensions: [Int])
    ) throws {
        let reader = try SafetensorsReader(source)
        let tensors = try reader.tensors.map { tensor in
            let (name, dimensions) = change(tensor)
            return try TensorDescriptor(name: name, scalarType: tensor.scalarType, shape: Shape(dimensions))
        }
        let layout = try GGUFLayout(tensors, keyValues: [GGUFKeyValue("general.architecture", .string(architecture))])
        let output = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: false)
        let writer = try GGUFWriter(output.file, tensors: tensors, layout: layout)
        for index in tensors.indices { try reader.bytes(of: index).withUnsafeBytes { try writer.write($0, to: index, at: 0) } }
        try writer.finish()
        try output.commit()
    }

    @Test func t5InLlamaCppsNames() throws {
        let plain = folder["t5.safetensors"]
        #expect(CommandRun("synthesize", "t5-v1_1-xxl", plain.string, "--tiny", "--dtype", "f32").status == .done)
        let names = [
            ("shared.weight", "token_embd.weight"), ("encoder.final_layer_norm", "enc.output_norm"), ("encoder.block.", "enc.blk."),
            ("layer.0.SelfAttention.relative_attention_bias", "attn_rel_b"), ("layer.0.SelfAttention.", "attn_"),
            ("layer.0.layer_norm", "attn_norm"), ("layer.1.layer_norm", "ffn_norm"), ("layer.1.DenseReluDense.wi_0", "ffn_gate"),
            ("layer.1.DenseReluDense.wi_1", "ffn_up"), ("layer.1.DenseReluDense.wo", "ffn_down"),
        ]
        try pack(plain, to: folder["t5.gguf"], architecture: "t5encoder") { tensor in
            (names.reduce(tensor.name) { $0.replacing($1.0, with: $1.1) }, tensor.shape.dimensions)
        }
        let run = CommandRun("convert", folder["t5.gguf"].string, folder["t5"].string)
        #expect(run.status == .done, "\(run.error)")
        #expect(CommandRun("diff", plain.string, folder["t5/model.safetensors"].string).status == .done)
    }

    @Test func leadingOnesThatWereLost() throws {
        let plain = folder["sd3.safetensors"]
        #expect(CommandRun("synthesize", "sd3-medium", plain.string, "--tiny", "--dtype", "f32").status == .done)
        var lost = 0
        try pack(plain, to: folder["sd3.gguf"], architecture: "sd3") { tensor in
            guard tensor.shape.rank > 2, tensor.shape.dimensions[0] == 1 else { return (tensor.name, tensor.shape.dimensions) }
            lost += 1
            return (tensor.name, Array(tensor.shape.dimensions.dropFirst()))
        }
        #expect(lost == 1)
        // Of a tiny relative shapes do not tell everything.
        let known = folder["known"].string
        #expect(CommandRun("synthesize", "sd3-medium", known, "--tiny").status == .done)
        let packed = CommandRun(
            "convert", folder["sd3.gguf"].string, folder["packed"].string, "--component", "transformer", "--config", known)
        #expect(packed.status == .done, "\(packed.error)")
        let direct = CommandRun("convert", plain.string, folder["direct"].string, "--component", "transformer", "--config", known)
        #expect(direct.status == .done, "\(direct.error)")
        #expect(CommandRun("diff", folder["packed"].string, folder["direct"].string).status == .done)
    }

    @Test func quantisedModelsBecomeFoldersAndComponents() throws {
        let model = Fixtures["models/sd15-tiny"].string
        let packed = CommandRun("convert", model, folder["m.gguf"].string, "--dtype", "q8_0", "--json")
        #expect(packed.status == .done, "\(packed.error)")
        #expect(try GGUFReader(folder["m.gguf"])["general.architecture"] == .string("sd1"))
        let whole = CommandRun("convert", folder["m.gguf"].string, folder["m"].string, "--config", model)
        #expect(whole.status == .done, "\(whole.error)")
        let vae = CommandRun("extract", folder["m.gguf"].string, folder["vae.safetensors"].string, "--component", "vae")
        #expect(vae.status == .done, "\(vae.error)")
        // Autoencoders are never quantised.
        #expect(try SafetensorsReader(folder["vae.safetensors"]).tensors.allSatisfy { $0.scalarType.kind == .float })
        let unet = CommandRun("extract", model, folder["unet"].string, "--component", "unet")
        #expect(unet.status == .done, "\(unet.error)")
        #expect(try FileSystem.kind(of: folder["unet/config.json"]) == .file)
        #expect(CommandRun("extract", model, folder["x.safetensors"].string).status == .usage)
        let missing = CommandRun("extract", model, folder["x.safetensors"].string, "--component", "text_encoder_2")
        #expect(missing.status == .failed && missing.error.contains("text_encoder_2"))
        let run = CommandRun("validate", folder["m.gguf"].string, "--config", model)
        #expect(run.status == .done, "\(run.output) \(run.error)")
    }
}
