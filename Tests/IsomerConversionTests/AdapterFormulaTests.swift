import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Merged adapters against W + strength · alpha / rank · up · down in 64-bit floats, worked out here from the file's own numbers.
@Suite struct AdapterFormulaTests {
    static let adapters = Fixtures["adapters"]

    /// What `adapter` makes of each weight that it names.
    private func formula(
        _ adapter: Adapter, _ model: [String: [Double]], _ strength: Double, _ meaning: ModelMerge.LengthStrength = .diffusers
    ) throws -> [String: [Double]] {
        let share = strength
        let factors = try numbers(adapter.source.tensors)
        var expected: [String: [Double]] = [:]
        for (number, module) in adapter.modules.enumerated() {
            let target = try #require(module.target)
            #expect(module.kind == .lora && target.modules.count == 1)
            func factor(_ role: AdapterRole) throws -> [Double] {
                try #require(module.tensors[role].flatMap { factors[adapter.inventory.tensors[$0].name] })
            }
            let (up, down) = (try factor(.up), try factor(.down))
            let (rows, columns) = (target.rows[0], target.columns)
            let rank = up.count / rows
            #expect(down.count == rank * columns)
            let name = "\(target.slot)/\(target.modules[0]).weight"
            var values = try #require(model[name])
            let before = values
            // Where the strength is one of the whole change, the weight first goes all the way.
            let strength = module.hasMagnitude && meaning == .comfyui ? 1 : strength
            let scale = adapter.scales[number].factor * strength
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = 0.0
                    for r in 0..<rank { sum += up[row * rank + r] * down[r * columns + column] }
                    values[row * columns + column] += scale * sum
                }
            }
            if module.hasMagnitude {
                let lengths = try factor(.magnitude)
                #expect(lengths.count == rows)
                for row in 0..<rows {
                    let range = row * columns..<(row + 1) * columns
                    let length = values[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
                    for place in range { values[place] *= lengths[row] / length }
                }
                if meaning == .comfyui {
                    for place in values.indices { values[place] = before[place] + share * (values[place] - before[place]) }
                }
            }
            expected[name] = values
        }
        return expected
    }

    /// Ours within 3e-7 of the formula, and no farther from it than diffusers' and kohya's own sums, which are 32-bit floats too.
    @Test(arguments: [
        ("sd15-tiny", "kohya", "kohya.kohya", 0.8), ("sd15-tiny", "peft", "peft.diffusers", 0.8),
        ("sd15-tiny", "dora", "dora.diffusers", 0.8),
        ("sdxl-tiny", "sdxl", "sdxl.diffusers", 0.8),
    ])
    func mergesAreTheFormula(_ model: String, _ name: String, _ golden: String, _ strength: Double) throws {
        let folder = try TemporaryFolder()
        let path = Fixtures["models/\(model)"]
        let file = Self.adapters.appending(name + ".safetensors")
        var merge = ModelMerge([path])
        merge.adapters = [ModelMerge.AddedAdapter(file, strength: strength)]
        try perform(merge, to: folder["merged.safetensors"])
        let merged = try modelNumbers(folder["merged.safetensors"])
        let adapter = try Adapter(file, for: Model(ConversionRequest(source: path)))
        let expected = try formula(adapter, modelNumbers(path), strength)
        #expect(expected.count == adapter.modules.count)
        for (name, values) in expected { #expect(distance(merged[name] ?? [], values) <= 3e-7, "\(name)") }
        let peers = try numbers(openWeights(Self.adapters.appending(golden + ".safetensors")))
        #expect(peers.count > 5)
        for (name, values) in peers {
            let exact = try #require(expected[name], "\(name)")
            #expect(distance(values, exact) <= 6e-7, "\(name)")
            #expect(distance(merged[name] ?? [], values) <= 3e-7 + distance(values, exact), "\(name)")
        }
    }

    /// Tools differ in what a strength means where lengths are trained too: a share of the whole change, in ComfyUI.
    @Test(arguments: [0.8, -0.5, 1])
    func sharesOfTrainedLengths(_ strength: Double) throws {
        let folder = try TemporaryFolder()
        let path = Fixtures["models/sd15-tiny"]
        let file = Self.adapters.appending("dora.safetensors")
        var merge = ModelMerge([path])
        merge.adapters = [ModelMerge.AddedAdapter(file, strength: strength)]
        merge.lengthStrength = .comfyui
        let planned = try perform(merge, to: folder["merged.safetensors"])
        #expect(planned.plan.decisions.contains { $0.flag == "--dora-strength" } == (strength != 1))
        let merged = try modelNumbers(folder["merged.safetensors"])
        let expected = try formula(Adapter(file, for: Model(ConversionRequest(source: path))), modelNumbers(path), strength, .comfyui)
        for (name, values) in expected { #expect(distance(merged[name] ?? [], values) <= 3e-7, "\(name)") }
        // At 1 there is nothing to differ in.
        merge.lengthStrength = .diffusers
        try perform(merge, to: folder["other.safetensors"])
        let other = try modelNumbers(folder["other.safetensors"])
        let differs = expected.keys.contains { distance(other[$0] ?? [], merged[$0] ?? []) > 1e-3 }
        #expect(differs == (strength != 1))
    }

    /// Many ranks, a change that is much larger than the weight, and numbers that nearly cancel each other.
    @Test func largeChangesStayExact() throws {
        let folder = try TemporaryFolder()
        let path = Fixtures["models/sdxl-tiny"]
        let model = try Model(ConversionRequest(source: path))
        let rank = 128
        var tensors: [(String, [Int], [Float])] = []
        let aliases = try AdapterAliases(model.family, model.components.mapValues(\.configuration))
        for module in ["mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.attentions.0.transformer_blocks.0.ff.net.2"] {
            let target = try #require(aliases.target(slot: "unet", module: module))
            let stem = "unet." + module
            let down = madeUp(stem + "A", rank * target.columns, deviation: 3)
            // Pairs of ranks with the same first factor and second ones of opposite sign: what is left is small.
            var up = madeUp(stem + "B", target.rows[0] * rank, deviation: 3)
            var paired = down
            for r in stride(from: 0, to: rank, by: 2) {
                for column in 0..<target.columns { paired[(r + 1) * target.columns + column] = down[r * target.columns + column] }
                for row in 0..<target.rows[0] { up[row * rank + r + 1] = -up[row * rank + r] * 0.875 }
            }
            tensors.append((stem + ".lora_A.weight", [rank, target.columns], paired))
            tensors.append((stem + ".lora_B.weight", [target.rows[0], rank], up))
        }
        try writeFloats(folder["lora.safetensors"], tensors)
        var merge = ModelMerge([path])
        merge.adapters = [ModelMerge.AddedAdapter(folder["lora.safetensors"], strength: 0.8)]
        try perform(merge, to: folder["merged.safetensors"])
        let merged = try modelNumbers(folder["merged.safetensors"])
        let expected = try formula(Adapter(folder["lora.safetensors"], for: model), modelNumbers(path), 0.8)
        for (name, values) in expected { #expect(distance(merged[name] ?? [], values) <= 3e-7, "\(name)") }
    }

    private typealias Made = (String, [Int], [Float])

    /// Kinds that are told and explained but neither merged nor taken for something else.
    @Test(arguments: [AdapterKind.ia3, .oft, .glora])
    func otherKindsAreRecognised(_ kind: AdapterKind) throws {
        let folder = try TemporaryFolder()
        let path = Fixtures["models/sd15-tiny"]
        let model = try Model(ConversionRequest(source: path))
        let stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k"
        let target = try #require(
            AdapterAliases(model.family, model.components.mapValues(\.configuration)).target(of: stem))
        let (rows, columns) = (target.rows[0], target.columns)
        let tensors: [Made] =
            switch kind {
            case .ia3: [(stem + ".weight", [rows], madeUp("w", rows)), (stem + ".on_input", [], [0])]
            case .oft: [(stem + ".oft_blocks", [2, rows / 2, rows / 2], madeUp("b", rows * rows / 2)), (stem + ".alpha", [], [1])]
            default:
                [
                    (stem + ".a1.weight", [columns, 2], madeUp("a", columns * 2)),
                    (stem + ".a2.weight", [2, columns], madeUp("b", columns * 2)),
                    (stem + ".b1.weight", [rows, 2], madeUp("c", rows * 2)), (stem + ".b2.weight", [2, columns], madeUp("d", columns * 2)),
                    (stem + ".alpha", [], [1]),
                ]
            }
        let file = folder["adapter.safetensors"]
        try writeFloats(file, tensors)
        let summary = try #require(try AdapterSummary(of: file, openWeights(file)))
        #expect(summary.kinds.map(\.kind) == [kind.rawValue])
        #expect(summary.others.isEmpty && summary.components.map(\.slot) == ["unet"])
        #expect(try Adapter(file, for: model).modules.map(\.kind) == [kind])

        var merge = ModelMerge([path])
        merge.adapters = [ModelMerge.AddedAdapter(file, strength: 1)]
        let refusal = error { _ = try merge.plan(ConversionRequest(source: path), to: .checkpoint(.safetensors)) }
        #expect(refusal?.code == .unsupported && refusal?.what.contains(kind.rawValue) == true, "\(String(describing: refusal))")
        #expect(refusal?.location.path == file)
        // Its names can be had in other tools' spelling all the same, bit for bit.
        let conversion = AdapterConversion(to: try #require(AdapterNaming.all.first { $0.identifier == "lycoris" }), .safetensors)
        _ = try Executor().run(conversion.plan(Adapter(file, for: model)), to: folder["other.safetensors"])
        let names = try openWeights(folder["other.safetensors"]).tensors.map(\.name)
        #expect(names.count == tensors.count && names.allSatisfy { $0.hasPrefix("lycoris_") })
    }
}
