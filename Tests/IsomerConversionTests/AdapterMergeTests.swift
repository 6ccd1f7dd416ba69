import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Adapters added to a model, held to the formulas in 64-bit floats and to what the peers make.
@Suite struct AdapterMergeTests {
    static let model = Fixtures["models/sd15-tiny"]
    static let adapters = Fixtures["adapters"]

    /// Every kind at once: W + 0.8 · change, in binary64.
    @Test(arguments: [
        ("kinds", "kinds.merged", 0.8), ("peft", "peft.diffusers", 0.8), ("dora", "dora.diffusers", 0.8), ("kohya", "kohya.kohya", 0.8),
    ])
    func agreesWithPeers(_ adapter: String, _ golden: String, _ strength: Double) throws {
        let folder = try TemporaryFolder()
        var merge = ModelMerge([Self.model])
        merge.adapters = [ModelMerge.AddedAdapter(Self.adapters.appending(adapter + ".safetensors"), strength: strength)]
        // What the formulas of all kinds are written down with.
        if golden.hasSuffix("merged") { merge.lengthStrength = .comfyui }
        let planned = try perform(merge, to: folder["merged.safetensors"])
        let merged = try modelNumbers(folder["merged.safetensors"])
        let expected = try numbers(openWeights(Self.adapters.appending(golden + ".safetensors")))
        #expect(expected.count > 5)
        for (name, values) in expected {
            let found = try #require(merged[name], "\(name)")
            // The peers' own sums are 32-bit floats too.
            #expect(distance(found, values) <= (golden.hasSuffix("merged") ? 3e-7 : 6e-7), "\(name)")
        }
        #expect(Set(planned.merged.tensors.map(\.name)).isSuperset(of: expected.keys))
        // What no adapter touches is the model's to the bit.
        let before = try modelNumbers(Self.model)
        for (name, values) in merged where expected[name] == nil && !planned.merged.tensors.contains(where: { $0.name == name }) {
            #expect(before[name] == values, "\(name)")
        }
    }

    @Test func takingOutGivesTheModelBack() throws {
        let folder = try TemporaryFolder()
        var merge = ModelMerge([Self.model])
        let adapter = Self.adapters.appending("kohya.safetensors")
        merge.adapters = [ModelMerge.AddedAdapter(adapter, strength: 0.6)]
        try perform(merge, to: folder["with.safetensors"])
        var back = ModelMerge([folder["with.safetensors"]])
        back.adapters = [ModelMerge.AddedAdapter(adapter, strength: -0.6)]
        try perform(back, to: folder["without.safetensors"])
        let before = try modelNumbers(Self.model)
        for (name, values) in try modelNumbers(folder["without.safetensors"]) {
            #expect(distance(values, before[name] ?? []) < 1e-6, "\(name)")
        }
    }

    /// Any part of a merged tensor can be read alone, and several adapters add up.
    @Test func partsAreParts() throws {
        var merge = ModelMerge([Self.model])
        merge.adapters = ["kinds", "kohya", "dora"].map {
            ModelMerge.AddedAdapter(Self.adapters.appending($0 + ".safetensors"), strength: 0.5)
        }
        let merged = try merge.plan(ConversionRequest(source: Self.model), to: .checkpoint(.safetensors)).merged
        for (index, tensor) in merged.tensors.enumerated() {
            let all = try merged.bytes(of: index)
            let size = tensor.scalarType.bitCount / 8
            let count = tensor.shape.elementCount
            for (first, last) in [(0, 1), (count / 3, count / 3 + 1), (count / 2, count), (count - 1, count), (1, max(1, count - 2))] {
                var part = [UInt8](repeating: 0, count: (last - first) * size)
                try part.withUnsafeMutableBytes { try merged.read(index, at: first * size, into: $0) }
                #expect(part == Array(all[first * size..<last * size]), "\(tensor.name) \(first)..<\(last)")
            }
        }
    }

    @Test func everyTensorIsAccountedFor() throws {
        var merge = ModelMerge([Self.model])
        merge.adapters = [ModelMerge.AddedAdapter(Self.adapters.appending("kinds.safetensors"), strength: 1)]
        let plan = try merge.plan(ConversionRequest(source: Self.model), to: .checkpoint(.safetensors)).plan
        let adapter = try #require(plan.sources.firstIndex { $0.label == "kinds.safetensors" })
        let counted = plan.setAside.count { $0.tensor.source == adapter && $0.fate == .merged }
        #expect(counted == plan.sources[adapter].tensors.tensors.count)
        #expect(plan.files[0].metadata[ModelMerge.recipeKey]?.contains("kinds.safetensors") == true)
    }

    @Test func badAdaptersAreRefused() throws {
        let folder = try TemporaryFolder()
        var count = 0
        func refusal(_ tensors: [(String, [Int], [Float])], metadata: FileMetadata = [:]) throws -> IsomerError? {
            count += 1
            let path = folder["bad\(count).safetensors"]
            try writeFloats(path, tensors, metadata: metadata)
            var merge = ModelMerge([Self.model])
            merge.adapters = [ModelMerge.AddedAdapter(path, strength: 1)]
            do {
                _ = try merge.plan(ConversionRequest(source: Self.model), to: .checkpoint(.safetensors))
                return nil
            } catch { return error }
        }
        func pair(_ stem: String, _ inputs: Int, _ outputs: Int, rank: Int = 2, upRank: Int? = nil) -> [(String, [Int], [Float])] {
            [
                (stem + ".lora_down.weight", [rank, inputs], madeUp(stem, rank * inputs)),
                (stem + ".lora_up.weight", [outputs, upRank ?? rank], madeUp(stem + "u", outputs * (upRank ?? rank))),
            ]
        }
        let nothing = try #require(try refusal(pair("lora_unet_input_blocks_99_1_proj_in", 8, 8)))
        #expect(nothing.code == .mismatch && nothing.what.contains("no module of this adapter is called"))
        let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        let shape = try #require(try modelShape("unet/down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"))
        let partly = try #require(try refusal(pair(module, shape[1], shape[0]) + pair("lora_unet_nowhere", 4, 4)))
        #expect(partly.code == .mismatch && partly.remedy?.contains("--allow-unknown") == true)
        #expect(try refusal(pair(module, shape[1], shape[0])) == nil)
        let base = try #require(try refusal(pair(module, shape[1] * 2, shape[0])))
        #expect(base.what.contains("another base"))
        let ranks = try #require(try refusal(pair(module, shape[1], shape[0], upRank: 3)))
        #expect(ranks.what.contains("different ranks"))
        let stated = try #require(try refusal(pair(module, shape[1], shape[0]), metadata: ["ss_network_dim": "64"]))
        #expect(stated.what.contains("another rank"))
        let stranger = try #require(try refusal(pair(module, shape[1], shape[0]) + [("something.else", [2], [1, 2])]))
        #expect(stranger.location.item == "something.else")
    }

    /// Damaged numbers are found when they are needed; nothing appears then.
    @Test(arguments: [Float.nan, .infinity, -.infinity], [".lora_down.weight", ".lora_up.weight", ".diff", ".dora_scale"])
    func oddNumbersAreRefused(_ odd: Float, _ part: String) throws {
        let folder = try TemporaryFolder()
        let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        let shape = try #require(try modelShape("unet/down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"))
        let (rows, columns) = (shape[0], shape[1])
        var tensors: [(String, [Int], [Float])] = [(module + ".diff", [rows, columns], madeUp("d", rows * columns))]
        if part != ".diff" {
            tensors = [
                (module + ".lora_down.weight", [2, columns], madeUp("a", 2 * columns)),
                (module + ".lora_up.weight", [rows, 2], madeUp("b", rows * 2)),
            ]
        }
        if part == ".dora_scale" { tensors.append((module + ".dora_scale", [rows, 1], madeUp("c", rows))) }
        for index in tensors.indices where tensors[index].0.hasSuffix(part) { tensors[index].2[1] = odd }
        try writeFloats(folder["odd.safetensors"], tensors)
        var merge = ModelMerge([Self.model])
        merge.adapters = [ModelMerge.AddedAdapter(folder["odd.safetensors"], strength: 1)]
        let error = try #require(throws: IsomerError.self) { try perform(merge, to: folder["merged.safetensors"]) }
        #expect(error.what == "the adapter holds NaN or infinite numbers" && error.location.item == module + part)
        #expect(error.location.path == folder["odd.safetensors"])
        #expect(try FileSystem.kind(of: folder["merged.safetensors"]) == nil)
    }

    private func modelShape(_ name: String) throws -> [Int]? {
        try Model(ConversionRequest(source: Self.model)).canonicalTensors().tensors.first { $0.name == name }?.shape.dimensions
    }
}
