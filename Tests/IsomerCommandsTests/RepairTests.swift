import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

/// `convert --repair`, and eight-bit floats with scales.
@Suite struct RepairTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bytes(_ name: String, in file: String) throws -> (TensorDescriptor, [UInt8]) {
        let reader = try SafetensorsReader(folder[file])
        let index = try #require(reader.tensors.firstIndex { $0.name == name }, "\(name)")
        return (reader.tensors[index], try reader.bytes(of: index))
    }

    @Test func mendsWhatToolsBreak() throws {
        let prefix = "conditioner.embedders.1.model."
        let width = 64
        // A projection whose columns' lengths go with the norm's weights: it is applied as `x @ P`, so rows should.
        let gains = (0..<width).map { Float(1 + ($0 * 37) % width) / 64 }
        let turned = (0..<width * width).map { gains[$0 % width] * Float(($0 &* 7919) % 101 - 50) / 50 }
        try Weights.write(
            [
                ("cond_stage_model.transformer.embeddings.position_ids", .f16, [1, 4], [0, 0, 0, 0x3C, 0, 0x40, 0, 0x42]),
                ("cond_stage_model.transformer.encoder.layers.0.mlp.fc1.bias", .f32, [2], Weights.floats([1, .nan])),
                (prefix + "ln_final.weight", .f32, [width], Weights.floats(gains)),
                (prefix + "text_projection", .f32, [width, width], Weights.floats(turned)),
                ("other.position_ids", .i64, [1, 2], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ], to: folder["a.safetensors"])
        let run = CommandRun("convert", folder["a.safetensors"].string, folder["b.safetensors"].string, "--repair", "--verify", "full")
        #expect(run.status == .done, "\(run.error)")
        let (ids, numbers) = try bytes("cond_stage_model.transformer.text_model.embeddings.position_ids", in: "b.safetensors")
        #expect(ids.scalarType == .i64 && numbers == (0..<4).flatMap { [UInt8($0), 0, 0, 0, 0, 0, 0, 0] })
        let (projection, values) = try bytes(prefix + "text_projection", in: "b.safetensors")
        #expect(projection.shape.dimensions == [width, width])
        let expected = (0..<width * width).map { turned[$0 % width * width + $0 / width] }
        #expect(values == Weights.floats(expected))
        #expect(try bytes(prefix + "logit_scale", in: "b.safetensors").1 == Weights.floats([4.605_170_2]))
        #expect(run.output.contains("it was F16, which merging or halving leaves"))
        #expect(run.output.contains("fc1.bias holds 1 NaN and 0 infinite values of 2, which cannot be mended"))
        #expect(!run.output.contains("other.position_ids"))
        // Mended once, it is whole.
        let again = CommandRun("convert", folder["b.safetensors"].string, folder["c.safetensors"].string, "--repair")
        #expect(again.status == .done && !again.output.contains("repair:"))
        #expect(CommandRun("diff", folder["b.safetensors"].string, folder["c.safetensors"].string).status == .done)
    }

    @Test func modelsAreMendedOnTheWay() throws {
        let model = Fixtures["models/sd15-tiny"].string
        let run = CommandRun("convert", model, folder["a.safetensors"].string, "--repair")
        #expect(run.status == .done, "\(run.error)")
    }

    @Test func scaledFloatsThereAndBack() throws {
        let count = 64 * 32
        let numbers = (0..<count).map { Float(($0 &* 7919) % 997) / 997 * 0.02 - 0.01 }
        try Weights.write(
            [
                ("model.diffusion_model.block.linear.weight", .bf16, [64, 32], bfloat(numbers)),
                ("model.diffusion_model.block.norm.weight", .bf16, [32], bfloat(Array(numbers[..<32]))),
                ("model.diffusion_model.block.conv.weight", .f32, [4, 2, 3, 3], Weights.floats(Array(numbers[..<72]))),
            ], to: folder["a.safetensors"])
        for (argument, type, steps) in [("f8_e4m3", ScalarType.f8e4m3, 16.0), ("f8_e5m2", .f8e5m2, 8)] {
            let small = CommandRun(
                "convert", folder["a.safetensors"].string, folder["s.safetensors"].string, "--dtype", argument, "--verify", "full",
                "--overwrite")
            #expect(small.status == .done, "\(small.error)")
            let (weight, _) = try bytes("model.diffusion_model.block.linear.weight", in: "s.safetensors")
            #expect(weight.scalarType == type)
            let (scale, _) = try bytes("model.diffusion_model.block.linear.scale_weight", in: "s.safetensors")
            #expect(scale.scalarType == .f32 && scale.shape == .scalar)
            let (marker, _) = try bytes("model.diffusion_model.scaled_fp8", in: "s.safetensors")
            #expect(marker.scalarType == type && marker.shape.dimensions == [0])
            #expect(try bytes("model.diffusion_model.block.norm.weight", in: "s.safetensors").0.scalarType == .bf16)
            #expect(try SafetensorsReader(folder["s.safetensors"]).tensors.count == 5)

            let wide = CommandRun(
                "convert", folder["s.safetensors"].string, folder["w.safetensors"].string, "--dtype", "f32", "--overwrite")
            #expect(wide.status == .done && wide.output.contains("multiplied by their scales"), "\(wide.error)")
            #expect(try SafetensorsReader(folder["w.safetensors"]).tensors.count == 3)
            let back = try bytes("model.diffusion_model.block.linear.weight", in: "w.safetensors").1
            let original = numbers.map { Float(bitPattern: UInt32(UInt16($0.bitPattern >> 16)) << 16) }
            for (index, value) in original.enumerated() {
                let found = Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(back[index * 4 + $1]) << (8 * UInt32($1)) })
                #expect(abs(found - value) <= abs(value) / Float(steps) + 1e-5)
            }
            // Kept as they are where nothing else is asked for.
            #expect(
                CommandRun("convert", folder["s.safetensors"].string, folder["k.safetensors"].string, "--overwrite").status == .done)
            #expect(try folder.bytes("k.safetensors") == folder.bytes("s.safetensors"))
        }
        let refused = CommandRun("convert", folder["a.safetensors"].string, folder["g.gguf"].string, "--dtype", "f8_e4m3")
        #expect(refused.status == .failed && refused.error.contains("GGUF has no 8-bit floats"))
    }

    /// A file of which some weights are scaled floats already gets more of them, and keeps its one marker.
    @Test func moreScaledFloats() throws {
        let numbers = bfloat((0..<512).map { Float($0) / 512 })
        let shape = [16, 32]
        try Weights.write(
            [("a.linear.weight", .bf16, shape, numbers), ("b.linear.weight", .bf16, shape, numbers)], to: folder["a.safetensors"])
        let first = CommandRun(
            "convert", folder["a.safetensors"].string, folder["b.safetensors"].string, "--dtype", "f8_e4m3", "--quantize-rule",
            "b.*=bf16")
        #expect(first.status == .done, "\(first.error)")
        let second = CommandRun("convert", folder["b.safetensors"].string, folder["c.safetensors"].string, "--dtype", "f8_e4m3")
        #expect(second.status == .done, "\(second.error)")
        let names = try SafetensorsReader(folder["c.safetensors"]).tensors.map(\.name).sorted()
        #expect(names == ["a.linear.scale_weight", "a.linear.weight", "b.linear.scale_weight", "b.linear.weight", "scaled_fp8"])
    }

    private func bfloat(_ values: [Float]) -> [UInt8] {
        values.flatMap { [UInt8(truncatingIfNeeded: $0.bitPattern >> 16), UInt8(truncatingIfNeeded: $0.bitPattern >> 24)] }
    }
}
