import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Weights that are stored as codes, beside what the libraries that packed them make of them.
@Suite struct PackedWeightTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: ["bitsandbytes-4bit", "bitsandbytes-8bit", "comfyui"])
    func numbersAreTheLibrarysOwn(_ name: String) throws {
        let packed = try PackedWeights(in: SafetensorsReader(Fixtures["packed/\(name).safetensors"]), as: .f32)
        #expect(packed.unreadable == nil)
        #expect(try sums(packed.unpacked) == golden(Fixtures["packed/\(name).txt"]))
    }

    @Test func kindsAreCounted() throws {
        func kinds(_ name: String) throws -> [String] {
            try PackedWeights(in: SafetensorsReader(Fixtures["packed/\(name).safetensors"])).kinds
                .map { "\($0.title) \($0.scalarType.rawValue) \($0.count)" }.sorted()
        }
        #expect(
            try kinds("bitsandbytes-4bit") == [
                "bitsandbytes' 4-bit blocks (FP4) BF16 1", "bitsandbytes' 4-bit blocks (FP4) F16 1",
                "bitsandbytes' 4-bit blocks (FP4) F32 1",
                "bitsandbytes' 4-bit blocks (NF4) BF16 2", "bitsandbytes' 4-bit blocks (NF4) F16 1",
                "bitsandbytes' 4-bit blocks (NF4) F32 2",
            ])
        #expect(try kinds("bitsandbytes-8bit") == ["bitsandbytes' 8-bit rows F32 3"])
        #expect(
            try kinds("comfyui") == [
                "8-bit floats with scales F16 1", "ComfyUI's int8_tensorwise F16 2", "ComfyUI's mxfp8 F16 3", "ComfyUI's nvfp4 F16 3",
            ])
    }

    /// Any range of bytes is that of the whole.
    @Test(arguments: ["bitsandbytes-4bit", "bitsandbytes-8bit", "comfyui"])
    func rangesAreParts(_ name: String) throws {
        let source = try PackedWeights(in: SafetensorsReader(Fixtures["packed/\(name).safetensors"])).unpacked
        for (index, tensor) in source.tensors.enumerated() {
            let whole = try source.bytes(of: index)
            for (start, step) in [(0, 1), (1, 7), (3, 130), (66, 255)] {
                for offset in stride(from: start, to: min(tensor.byteCount, 700), by: step) {
                    var part = [UInt8](repeating: 0xAA, count: min(step, tensor.byteCount - offset))
                    try part.withUnsafeMutableBytes { buffer in try source.read(index, at: offset, into: buffer) }
                    #expect(part.elementsEqual(whole[offset..<offset + part.count]), "\(tensor.name) \(offset) \(step)")
                }
            }
            #expect(throws: IsomerError.self) {
                var byte: [UInt8] = [0]
                try byte.withUnsafeMutableBytes { buffer in try source.read(index, at: tensor.byteCount, into: buffer) }
            }
        }
    }

    // MARK: What is wrong

    typealias Stored = (name: String, type: ScalarType, shape: [Int], bytes: [UInt8])

    /// Some layers of a fixture in memory, to be changed.
    private func layers(_ file: String, _ prefix: String) throws -> [Stored] {
        let reader = try SafetensorsReader(Fixtures["packed/\(file).safetensors"])
        return try reader.tensors.enumerated().filter { $1.name.hasPrefix(prefix) }.map { index, tensor in
            (tensor.name, tensor.scalarType, tensor.shape.dimensions, try reader.bytes(of: index))
        }
    }

    /// A change of one tensor of one layer, and how the refusal must read.
    struct Damage: CustomTestStringConvertible {
        var file: String
        var layer: String
        var tensor: String
        var said: [String]
        var code: IsomerError.Code = .malformed
        var change: @Sendable (inout Stored) -> Bool

        var testDescription: String { "\(layer)\(tensor): \(said)" }
    }

    private static func text(_ replacing: (String, String)) -> @Sendable (inout Stored) -> Bool {
        { stored in
            var text = String(decoding: stored.bytes, as: UTF8.self)
            guard let range = text.firstRange(of: replacing.0) else { return false }
            text.replaceSubrange(range, with: replacing.1)
            stored.bytes = Array(text.utf8)
            stored.shape = [stored.bytes.count]
            return true
        }
    }

    private static let gone: @Sendable (inout Stored) -> Bool = { stored in
        stored.name = "gone"
        return true
    }

    private static let shorter: @Sendable (inout Stored) -> Bool = { stored in
        let size = stored.bytes.count / max(1, stored.shape.reduce(1, *))
        stored.bytes.removeLast(size)
        stored.shape = [stored.bytes.count / size]
        return true
    }

    static let damages: [Damage] = {
        let (four, eight) = ("bitsandbytes-4bit", "bitsandbytes-8bit")
        let state = ".weight.quant_state.bitsandbytes__nf4"
        return [
            Damage(file: four, layer: "layers.0", tensor: ".weight", said: ["is missing", "layers.0.weight"], change: gone),
            Damage(file: four, layer: "layers.0", tensor: ".weight.absmax", said: ["is missing", "layers.0.weight.absmax"], change: gone),
            Damage(file: four, layer: "layers.0", tensor: ".weight.quant_map", said: ["is missing", ".quant_map"], change: gone),
            Damage(file: four, layer: "layers.1", tensor: ".weight.nested_absmax", said: ["is missing", ".nested_absmax"], change: gone),
            Damage(
                file: four, layer: "layers.1", tensor: ".weight.nested_quant_map", said: ["is missing", ".nested_quant_map"], change: gone),
            Damage(file: four, layer: "layers.0", tensor: ".weight", said: ["240 bytes for [24, 20]", "found 239"], change: shorter),
            Damage(file: four, layer: "layers.0", tensor: ".weight.absmax", said: ["8 of floating numbers", "F32 [7]"], change: shorter),
            Damage(file: four, layer: "layers.1", tensor: ".weight.absmax", said: ["7 of U8", "U8 [6]"], change: shorter),
            Damage(file: four, layer: "layers.0", tensor: ".weight.quant_map", said: ["16 of floating", "F32 [15]"], change: shorter),
            Damage(file: four, layer: "layers.1", tensor: ".weight.nested_quant_map", said: ["256 of floating", "[255]"], change: shorter),
            Damage(file: four, layer: "layers.0", tensor: ".weight.quant_map", said: ["table", "nf4's sixteen numbers"]) { stored in
                stored.bytes[3] ^= 0x80
                return true
            },
            Damage(file: four, layer: "layers.0", tensor: ".weight", said: ["the other way round", "[1, 240]"], code: .unsupported) {
                stored in
                stored.shape = [1, 240]
                return true
            },
            Damage(file: four, layer: "layers.0", tensor: state, said: ["blocksize", "out of range"], change: text((": 64", ": 0"))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["blocksize", "out of range"], change: text((": 64", ": -64"))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["1 of floating numbers", "F32 [8]"],
                change: text((": 64", ": 9223372036854775807"))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["blocksize", "an integer"], change: text((": 64", ": 1e30"))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["shape", "out of range"], change: text(("[24", "[-24"))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["more elements than memory"],
                change: text(("[24", "[4611686018427387904, 4"))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["241 bytes", "found 240"], change: text(("[24, 20]", "[241, 2]"))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["too many extents"], change: text(("[24", "[1, 1, 1, 1, 1, 1, 1, 24"))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["shape", "wrong type"], change: text(("[24, 20]", "null"))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["a type that it cannot have", "float64"],
                change: text(("bfloat16", "float64"))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["another kind", "fp4"], change: text(("\"nf4\"", "\"fp4\""))),
            Damage(file: four, layer: "layers.0", tensor: state, said: ["quant_state"], change: text(("{", "["))),
            Damage(
                file: four, layer: "layers.0", tensor: state, said: ["quant_state"], code: .limitExceeded,
                change: text(("{", String(repeating: "[", count: 60_000)))),
            Damage(
                file: four, layer: "layers.1", tensor: state, said: ["nested_blocksize", "out of range"],
                change: text(("\"nested_blocksize\": 256", "\"nested_blocksize\": 0"))),
            Damage(
                file: four, layer: "layers.1", tensor: state, said: ["nested_offset", "required field is missing"],
                change: text(("nested_offset", "other"))),
            Damage(
                file: four, layer: "layers.1", tensor: state, said: ["magnitudes"], code: .unsupported,
                change: text(("\"nested_dtype\": \"float32\"", "\"nested_dtype\": \"float16\""))),
            Damage(file: eight, layer: "layers.0", tensor: ".weight", said: ["is missing", "layers.0.weight"], change: gone),
            Damage(file: eight, layer: "layers.0", tensor: ".SCB", said: ["12 of floating numbers", "F32 [11]"], change: shorter),
            Damage(file: eight, layer: "layers.0", tensor: ".weight", said: ["240 of I8", "U8 [12, 20]"]) { stored in
                stored.type = .u8
                return true
            },
            Damage(file: eight, layer: "layers.0", tensor: ".weight_format", said: ["graphics card", "found 2"], code: .unsupported) {
                stored in
                stored.bytes = [2]
                return true
            },
            Damage(file: "comfyui", layer: "four.1", tensor: ".weight_scale", said: ["2048 of F8_E4M3", "[2047]"], change: shorter),
            Damage(
                file: "comfyui", layer: "four.1", tensor: ".weight_scale_2", said: ["is missing", "four.1.weight_scale_2"], change: gone),
            Damage(file: "comfyui", layer: "four.1", tensor: ".weight", said: ["no matrix of whole blocks", "[144, 39]"]) { stored in
                stored.shape = [144, 39]
                stored.bytes.removeLast(144)
                return true
            },
            Damage(file: "comfyui", layer: "eight.1", tensor: ".weight_scale", said: ["1024 of F8_E8M0", "[1023]"], change: shorter),
            Damage(
                file: "comfyui", layer: "rows.1", tensor: ".weight_scale", said: ["neither one number"], code: .unsupported, change: shorter
            ),
            Damage(file: "comfyui", layer: "float", tensor: ".weight_scale", said: ["not finite"]) { stored in
                stored.bytes = [0, 0, 0x80, 0x7F]
                return true
            },
            Damage(
                file: "comfyui", layer: "four.1", tensor: ".comfy_quant", said: ["format", "missing"], change: text(("format", "form"))),
        ]
    }()

    @Test(arguments: damages) func damageIsNamed(_ damage: Damage) throws {
        var stored = try layers(damage.file, damage.layer + ".")
        let place = try #require(stored.firstIndex { $0.name == damage.layer + damage.tensor })
        try #require(damage.change(&stored[place]))
        let error = try #require(throws: IsomerError.self) { try PackedWeights(in: MemorySource(stored)) }
        #expect(error.code == damage.code, "\(error)")
        #expect(damage.said.allSatisfy("\(error)".contains), "\(error)")
        #expect("\(error)".contains(damage.layer), "\(error)")
    }

    /// A tensor may belong to one weight only, and none to itself.
    @Test func nothingIsPackedTwice() throws {
        var stored = try layers("bitsandbytes-4bit", "layers.0.")
        stored += try layers("bitsandbytes-4bit", "layers.0.").map {
            ("layers.0.weight.absmax" + $0.name.dropFirst("layers.0.weight".count), $0.1, $0.2, $0.3)
        }
        .filter { tensor in !stored.contains { $0.name == tensor.0 } }
        let error = try #require(throws: IsomerError.self) { try PackedWeights(in: MemorySource(stored)) }
        #expect(error.code == .malformed)
    }

    /// Random changes of descriptions and lengths never end otherwise than in an error or in numbers.
    @Test func randomDamageIsNoTrap() throws {
        var random = SystemRandomNumberGenerator()
        for file in ["bitsandbytes-4bit", "bitsandbytes-8bit", "comfyui"] {
            let whole = try layers(file, "")
            for _ in 0..<60 {
                var stored = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<stored.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0 where !stored[place].bytes.isEmpty:
                        stored[place].bytes[Int.random(in: 0..<stored[place].bytes.count, using: &random)] = .random(
                            in: 0...255, using: &random)
                    case 1: stored[place].name = stored.randomElement(using: &random)?.name ?? ""
                    case 2:
                        stored[place].shape = [stored[place].shape.reduce(1, *)]
                    default: stored.remove(at: place)
                    }
                    if stored.isEmpty { break }
                }
                guard let packed = try? PackedWeights(in: MemorySource(stored)) else { continue }
                let source = packed.unpacked
                for index in source.tensors.indices { _ = try? source.bytes(of: index) }
            }
        }
    }

    // MARK: Models

    /// Writes the file at `path` with some matrices packed in NF4, and with the numbers that they stand for.
    private func pack(_ path: FilePath, to packed: FilePath, plain: FilePath) throws {
        let map = try #require(layers("bitsandbytes-4bit", "layers.0.").first { $0.name.hasSuffix(".quant_map") })
        let table = BitsAndBytesBlocks.Kind.nf4.table
        var (codesOfAll, numbersOfAll, chosen): ([Stored], [Stored], Set<String>) = ([], [], [])
        for tensor in try openWeights(path).tensors
        where tensor.name.contains("_blocks.") && tensor.name.hasSuffix(".weight") && tensor.shape.rank == 2 {
            chosen.insert(tensor.name)
            let count = tensor.shape.elementCount
            let codes = (0..<count).map { UInt8(($0 &* 7 &+ $0 / 11) % 16) }
            let scales = (0..<(count + 63) / 64).map { 0.01 + Float($0 % 5) / 100 }
            let numbers = (0..<count).map { table[Int(codes[$0])] * scales[$0 / 64] }
            let state = "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"bfloat16\", \"shape\": \(tensor.shape)}"
            codesOfAll += [
                (tensor.name, .u8, [count / 2, 1], (0..<count / 2).map { codes[2 * $0] << 4 | codes[2 * $0 + 1] }),
                (tensor.name + ".absmax", .f32, [scales.count], scales.withUnsafeBytes { Array($0) }),
                (tensor.name + ".quant_map", .f32, [16], map.bytes),
                (tensor.name + ".quant_state.bitsandbytes__nf4", .u8, [state.utf8.count], Array(state.utf8)),
            ]
            var rounded = [UInt8](repeating: 0, count: 2 * count)
            try numbers.withUnsafeBytes { source in
                try rounded.withUnsafeMutableBytes { _ = try Cast(from: .f32, to: .bf16).apply(source, $0, elementCount: count) }
            }
            numbersOfAll.append((tensor.name, .bf16, tensor.shape.dimensions, rounded))
        }
        #expect(chosen.count > 10)
        for (target, tensors) in [(packed, codesOfAll), (plain, numbersOfAll)] {
            try rewrite(path, to: target, adding: tensors) { tensor, _ in chosen.contains(tensor.name) ? .dropped : .kept }
        }
    }

    /// The same of a tiny Flux checkpoint.
    private func packFlux() throws -> (packed: FilePath, plain: FilePath) {
        try folder.convert(Fixtures["models/flux-dev-tiny"], to: .checkpoint(.safetensors), "own.safetensors")
        try pack(folder["own.safetensors"], to: folder["packed.safetensors"], plain: folder["plain.safetensors"])
        return (folder["packed.safetensors"], folder["plain.safetensors"])
    }

    /// A packed checkpoint is the model that its numbers make, in every arrangement, and its folder says nothing of packing.
    @Test func packedModelsAreModels() throws {
        let (packed, plain) = try packFlux()
        let summary = try ModelSummary(of: packed)
        #expect(summary.family?.identifier == "flux" && summary.components.allSatisfy(\.missing.isEmpty), "\(summary)")
        #expect(summary.packing.map(\.title) == ["bitsandbytes' 4-bit blocks (NF4)"])
        let plan = try folder.convert(packed, to: .diffusers, "packed") { $0.configuration = Fixtures["models/flux-dev-tiny"] }
        #expect(plan.decisions.contains { $0.subject == "packed weights" && $0.value == "unpacked, as BF16" }, "\(plan.decisions)")
        try folder.convert(plain, to: .diffusers, "plain") { $0.configuration = Fixtures["models/flux-dev-tiny"] }
        let weights = FilePath("transformer/diffusion_pytorch_model.safetensors")
        #expect(try sums(folder["packed"].pushing(weights)) == sums(folder["plain"].pushing(weights)))
        try folder.convert(packed, to: .checkpoint(.safetensors), "again.safetensors") { $0.scalarType = .f32 }
        try folder.convert(plain, to: .checkpoint(.safetensors), "plain32.safetensors") { $0.scalarType = .f32 }
        #expect(try sums(folder["again.safetensors"]) == sums(folder["plain32.safetensors"]))

        // A change of container leaves them packed, and says so; a type unpacks them.
        var keeping = FileConversion(to: .torch(.stateDict, legacy: false))
        let kept = try keeping.plan(WeightFile(packed))
        #expect(kept.notes.contains { $0.contains("stay in bitsandbytes' 4-bit blocks") }, "\(kept.notes)")
        #expect(try kept.tensorCount == WeightFile(packed).tensors.tensors.count)
        keeping.floatType = .bf16
        #expect(try keeping.plan(WeightFile(packed)).tensorCount == WeightFile(plain).tensors.tensors.count)
    }

    /// A folder whose weights are packed, with a configuration that says how.
    @Test func foldersOfPackedWeights() throws {
        let weights = "transformer/diffusion_pytorch_model.safetensors"
        for name in ["packed", "plain"] { try folder.convert(Fixtures["models/flux-dev-tiny"], to: .diffusers, name) }
        try pack(folder["plain"].pushing(FilePath(weights)), to: folder["packed.safetensors"], plain: folder["plain.safetensors"])
        for name in ["packed", "plain"] { _ = try folder.file("\(name)/\(weights)", folder.bytes("\(name).safetensors")) }
        let configuration = "packed/transformer/config.json"
        guard case .object(var object) = try JSONValue(parsing: folder.bytes(configuration)) else { throw CancellationError() }
        object["quantization_config"] = ["quant_method": "bitsandbytes", "load_in_4bit": true]
        _ = try folder.file(configuration, JSONWriter().bytes(.object(object)))

        let plan = try folder.convert(folder["packed"], to: .diffusers, "clean")
        #expect(plan.decisions.contains { $0.subject == "transformer/config.json" && $0.value == "without quantization_config" })
        #expect(try folder.bytes("clean/transformer/config.json") == folder.bytes("plain/transformer/config.json"))
        #expect(try sums(folder["clean"].pushing(FilePath(weights))) == sums(folder["plain.safetensors"]))
        #expect(try ModelSummary(of: folder["packed"]).packing.map(\.scalarType) == [.bf16])
        for name in ["packed", "plain"] { try folder.convert(folder[name], to: .checkpoint(.safetensors), "\(name)-one.safetensors") }
        #expect(try sums(folder["packed-one.safetensors"]) == sums(folder["plain-one.safetensors"]))
    }
}
