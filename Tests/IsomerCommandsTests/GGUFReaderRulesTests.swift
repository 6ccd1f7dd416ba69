import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

/// Files made here, held to what ggml's, gguf's and ComfyUI-GGUF's readers demand of a file before they open it.
///
/// Reference: ggml-org/ggml, src/gguf.cpp `gguf_init_from_file`, which stable-diffusion.cpp opens files with, built with names of at most 128
/// bytes; gguf 0.19.0, gguf_reader.py; city96/ComfyUI-GGUF, loader.py `gguf_sd_loader`.
@Suite struct GGUFReaderRulesTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Models that ComfyUI-GGUF loads, and what it calls them.
    static let models = [
        ("sd15-tiny", "sd1"), ("sd21-tiny", "sd1"), ("sdxl-tiny", "sdxl"), ("sdxl-refiner-tiny", "sdxl"), ("sd3-medium-tiny", "sd3"),
        ("sd35-medium-tiny", "sd3"), ("flux-dev-tiny", "flux"), ("flux-schnell-tiny", "flux"),
    ]

    @Test(arguments: models, ["f16", "bf16", "q8_0", "q4_k"]) func modelsMeetTheRules(_ model: (String, String), _ type: String) throws {
        let source = Fixtures["models/\(model.0)"].string
        let (packed, plain) = (folder["m.gguf"], folder["m.safetensors"])
        let run = CommandRun("convert", source, packed.string, "--dtype", type)
        #expect(run.status == .done, "\(run.error)")
        #expect(CommandRun("convert", source, plain.string, "--dtype", "f32").status == .done)
        let reader = try GGUFReader(packed)
        // The architecture is a string under which ComfyUI knows the family; without one it falls back to guessing.
        #expect(reader["general.architecture"] == .string(model.1))
        // After the denoiser's prefix is taken off, its names and shapes are those of a safetensors checkpoint.
        let prefix = "model.diffusion_model."
        func denoiser(_ tensors: [TensorDescriptor]) -> [String: Shape] {
            let names = tensors.contains { $0.name.hasPrefix(prefix) } ? tensors.filter { $0.name.hasPrefix(prefix) } : tensors
            return Dictionary(names.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        }
        #expect(try denoiser(reader.tensors) == denoiser(SafetensorsReader(plain).tensors))
        #expect(Set(reader.tensors.map { Array($0.name.utf8) }).count == reader.tensors.count)
        for (index, tensor) in reader.tensors.enumerated() {
            #expect(tensor.name.utf8.count < 128)
            #expect(tensor.shape.dimensions.allSatisfy { $0 > 0 } || tensor.shape.elementCount == 0)
            // Places are multiples of the alignment, counted from the start of the data, which is one too.
            #expect((reader.storedRange(of: index)?.offset ?? 1) % 32 == 0)
            // gguf counts rows of bytes where a type has no NumPy type of its own; a number alone has no row.
            if tensor.scalarType == .bf16 || tensor.scalarType.kind == .block { #expect(tensor.shape.rank > 0, "\(tensor.name)") }
            // Only maps are quantised: the loader wants one-dimensional tensors as numbers.
            if tensor.scalarType.kind == .block { #expect(tensor.shape.rank == 2, "\(tensor.name)") }
        }
    }

    /// Rows that are not whole blocks, and five dimensions: ggml sees whole blocks in four, ComfyUI's key holds the shape.
    @Test func shapesThatGGMLLacksAreSaidInComfyUIsKey() throws {
        let source = folder["s.safetensors"]
        func numbers(_ count: Int) -> [UInt8] { Weights.floats((0..<count).map { Float($0 % 17) / 17 - 0.5 }) }
        try Weights.write(
            [
                ("a.weight", .f32, [16, 8, 3, 3], numbers(1152)), ("b.weight", .f32, [2, 4, 2, 2, 2], numbers(64)),
                ("c", .f32, [], numbers(1)),
            ],
            metadata: [:], to: source)
        let target = folder["s.gguf"]
        let run = CommandRun("convert", source.string, target.string, "--quantize-rule", "a.weight=q8_0")
        #expect(run.status == .done, "\(run.error)")
        let reader = try GGUFReader(target)
        #expect(reader["comfy.gguf.orig_shape.a.weight"] == .integers([16, 8, 3, 3] as [Int32]))
        #expect(reader["comfy.gguf.orig_shape.b.weight"] == .integers([2, 4, 2, 2, 2] as [Int32]))
        #expect(reader["comfy.gguf.orig_shape.c"] == nil)
        #expect(reader.tensors.map(\.shape.dimensions) == [[16, 8, 3, 3], [2, 4, 2, 2, 2], []])
        // A number of 16 bits alone becomes one of 32, exactly.
        let single = CommandRun("convert", source.string, folder["b.gguf"].string, "--dtype", "bf16")
        #expect(single.status == .done, "\(single.error)")
        let types = try GGUFReader(folder["b.gguf"]).tensors.map(\.scalarType)
        #expect(types == [.bf16, .bf16, .f32])
    }
}
