import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Models that become one, held to formulas in 64-bit floats.
@Suite struct ModelMergeTests {
    static let models = Fixtures["models"]
    static let first = models.appending("sd15-tiny")

    /// A second and a third model: the first with adapters.
    private func variants(_ folder: TemporaryFolder) throws -> (FilePath, FilePath) {
        for (name, adapter, type) in [("b.safetensors", "kinds", ScalarType.f32), ("c.ckpt.safetensors", "peft", .f16)] {
            var merge = ModelMerge([Self.first])
            merge.adapters = [ModelMerge.AddedAdapter(Fixtures["adapters"].appending(adapter + ".safetensors"), strength: 1)]
            try perform(merge, to: folder[name], type: type)
        }
        return (folder["b.safetensors"], folder["c.ckpt.safetensors"])
    }

    private func check(
        _ merge: ModelMerge, _ folder: TemporaryFolder, _ tolerance: Double = 3e-7, _ expected: ([[Double]], String) -> [Double]
    ) throws {
        try perform(merge, to: folder["merged.safetensors"])
        let found = try modelNumbers(folder["merged.safetensors"])
        var all: [[String: [Double]]] = []
        for path in merge.models + (merge.base.map { [$0] } ?? []) { all.append(try modelNumbers(path)) }
        #expect(found.count == all[0].count)
        for (name, values) in found {
            let inputs = all.compactMap { $0[name] }
            #expect(distance(values, expected(inputs, name)) <= tolerance, "\(name)")
        }
    }

    @Test func weightedSums() throws {
        let folder = try TemporaryFolder()
        let (b, c) = try variants(folder)
        var merge = ModelMerge([Self.first, b])
        merge.amount = 0.3
        try check(merge, folder) { inputs, _ in zip(inputs[0], inputs[1]).map { 0.7 * $0 + 0.3 * $1 } }
        let other = try TemporaryFolder()
        merge = ModelMerge([Self.first, b, c])
        merge.weights = [2, 1, 1]
        try check(merge, other) { inputs, _ in inputs[0].indices.map { (2 * inputs[0][$0] + inputs[1][$0] + inputs[2][$0]) / 4 } }
    }

    @Test func addDifference() throws {
        let folder = try TemporaryFolder()
        let (b, c) = try variants(folder)
        var merge = ModelMerge([c, b, Self.first])
        merge.method = .addDifference
        merge.amount = 0.75
        try check(merge, folder, 6e-7) { inputs, _ in inputs[0].indices.map { inputs[0][$0] + 0.75 * (inputs[1][$0] - inputs[2][$0]) } }
    }

    @Test func slerp() throws {
        let folder = try TemporaryFolder()
        let (b, c) = try variants(folder)
        var merge = ModelMerge([b, c])
        merge.method = .slerp
        merge.amount = 0.4
        try check(merge, folder, 1e-6) { inputs, _ in
            let (x, y) = (inputs[0], inputs[1])
            let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
            let lengths = (x.reduce(0) { $0 + $1 * $1 } * y.reduce(0) { $0 + $1 * $1 }).squareRoot()
            let cosine = lengths > 0 ? dot / lengths : 1
            guard abs(cosine) <= 0.9995 else { return zip(x, y).map { 0.6 * $0 + 0.4 * $1 } }
            let angle = arc(cosine)
            return zip(x, y).map { (sine(angle * 0.6) * $0 + sine(angle * 0.4) * $1) / sine(angle) }
        }
    }

    @Test func ties() throws {
        let folder = try TemporaryFolder()
        let (b, c) = try variants(folder)
        var merge = ModelMerge([b, c])
        merge.method = .ties
        merge.base = Self.first
        merge.density = 0.3
        merge.weights = [1, 0.5]
        try check(merge, folder, 1e-6) { inputs, _ in
            let base = inputs[2]
            let changes = (0..<2).map { model -> [Double] in
                let delta = zip(inputs[model], base).map { Double(Float($0) - Float($1)) }
                let kept = Int((Double(delta.count) * 0.3).rounded(.down))
                let threshold = kept == 0 ? .infinity : delta.map(abs).sorted(by: >)[kept - 1]
                return delta.map { abs($0) >= threshold ? $0 * [1, 0.5][model] : 0 }
            }
            return base.indices.map { i in
                let sum = changes[0][i] + changes[1][i]
                let agreeing = (0..<2).filter { changes[$0][i] != 0 && (changes[$0][i] < 0) == (sum < 0) }
                let weight = agreeing.reduce(0) { $0 + [1, 0.5][$1] }
                return base[i] + (weight > 0 ? agreeing.reduce(0) { $0 + changes[$1][i] } / weight : 0)
            }
        }
    }

    @Test func dare() throws {
        let folder = try TemporaryFolder()
        let (b, _) = try variants(folder)
        var merge = ModelMerge([b])
        merge.method = .dare
        merge.base = Self.first
        merge.density = 0.25
        merge.seed = 7
        try perform(merge, to: folder["one.safetensors"])
        try perform(merge, to: folder["again.safetensors"])
        merge.seed = 8
        try perform(merge, to: folder["other.safetensors"])
        let (one, other) = (try modelNumbers(folder["one.safetensors"]), try modelNumbers(folder["other.safetensors"]))
        #expect(
            try ReadableFile(folder["one.safetensors"]).contents(limit: 1 << 24)
                == ReadableFile(folder["again.safetensors"]).contents(limit: 1 << 24))
        #expect(one != other)
        let (base, tuned) = (try modelNumbers(Self.first), try modelNumbers(b))
        var (kept, all) = (0, 0)
        for (name, values) in one {
            for (i, value) in values.enumerated() {
                let change = (tuned[name]?[i] ?? 0) - (base[name]?[i] ?? 0)
                guard abs(change) > 1e-4 else { continue }
                all += 1
                let moved = value - (base[name]?[i] ?? 0)
                if abs(moved) > 1e-9 {
                    kept += 1
                    #expect(abs(moved - 4 * change) < 1e-5)
                }
            }
        }
        #expect(all > 1000 && abs(Double(kept) / Double(all) - 0.25) < 0.03)
    }

    @Test func blocks() throws {
        let folder = try TemporaryFolder()
        let (b, _) = try variants(folder)
        var merge = ModelMerge([Self.first, b])
        merge.amount = 0
        merge.blockWeights = "IN=1,BASE=0.5"
        let blocks = try MergeBlocks(of: Model(ConversionRequest(source: Self.first)))
        #expect(blocks.names.first == "IN00" && blocks.names.contains("M00"))
        try check(merge, folder) { inputs, name in
            let slash = name.split(separator: "/", maxSplits: 1)
            let block = blocks.block(slot: String(slash[0]), tensor: String(slash[1]))
            let share = block.hasPrefix("IN") ? 1 : block == "BASE" ? 0.5 : 0
            return zip(inputs[0], inputs[1]).map { (1 - share) * $0 + share * $1 }
        }
        for text in ["0.1,0.2", "IN00=x", "XX=1", "nan"] {
            #expect(throws: IsomerError.self, "\(text)") { try blocks.weights(text) }
        }
        #expect(try blocks.weights((blocks.names.map { _ in "0.5" } + ["1"]).joined(separator: ","))["BASE"] == 0.5)
    }

    @Test func inpaintingGraft() throws {
        let folder = try TemporaryFolder()
        let inpainting = Self.models.appending("sd15-inpaint-tiny")
        var merge = ModelMerge([inpainting, Self.first])
        merge.amount = 0.5
        try perform(merge, to: folder["merged.safetensors"])
        let (found, wide, narrow) = (
            try modelNumbers(folder["merged.safetensors"]), try modelNumbers(inpainting), try modelNumbers(Self.first)
        )
        let name = "unet/conv_in.weight"
        let (a, b, made) = (try #require(wide[name]), try #require(narrow[name]), try #require(found[name]))
        let rows = a.count / 81
        #expect(b.count == rows * 36)
        for row in 0..<rows {
            for i in 0..<81 {
                let value = made[row * 81 + i]
                if i < 36 {
                    #expect(abs(value - (a[row * 81 + i] + b[row * 36 + i]) / 2) < 1e-6)
                } else {
                    #expect(value == a[row * 81 + i])
                }
            }
        }
        // The other way round nothing fits.
        #expect(throws: IsomerError.self) {
            _ = try ModelMerge([Self.first, inpainting]).plan(ConversionRequest(source: Self.first), to: .checkpoint(.safetensors))
        }
    }

    @Test func otherArchitecturesAreNamed() throws {
        let merge = ModelMerge([Self.first, Self.models.appending("sd21-tiny")])
        do {
            _ = try merge.plan(ConversionRequest(source: Self.first), to: .checkpoint(.safetensors))
            Issue.record("merged")
        } catch {
            #expect(error.code == .mismatch && error.what.contains("tensors differ") && error.what.contains("text_encoder/"))
        }
    }

    @Test func numbersThatMakeNoSense() throws {
        func refused(_ change: (inout ModelMerge) -> Void) -> Bool {
            var merge = ModelMerge([Self.first, Self.first])
            change(&merge)
            do {
                _ = try merge.plan(ConversionRequest(source: Self.first), to: .checkpoint(.safetensors))
                return false
            } catch { return error.code == .usage }
        }
        #expect(!refused { _ in })
        #expect(refused { $0.amount = .nan })
        #expect(refused { $0.weights = [1] })
        #expect(refused { $0.weights = [1, -1] })
        #expect(refused { $0.density = 0 })
        #expect(refused { $0.method = .ties })
        #expect(refused { $0.method = .addDifference })
        #expect(refused { $0.models.removeLast() })
        #expect(
            refused {
                $0.weights = [0.5, 0.5]; $0.amount = 0.5
            })
    }

    /// The first's arrangement, whatever the second's: a folder and a file in half precision.
    @Test func arrangementsMayDiffer() throws {
        let folder = try TemporaryFolder()
        let (_, c) = try variants(folder)
        var request = ConversionRequest(source: c)
        request.destination = folder["folder"]
        request.configuration = Self.first
        var merge = ModelMerge([c, Self.first])
        merge.amount = 0.5
        let planned = try merge.plan(request, to: .diffusers)
        _ = try Executor().run(planned.plan, to: folder["folder"])
        let (x, y, found) = (try modelNumbers(c), try modelNumbers(Self.first), try modelNumbers(folder["folder"]))
        for (name, values) in found { #expect(distance(values, zip(x[name] ?? [], y[name] ?? []).map { ($0 + $1) / 2 }) < 1e-3, "\(name)") }
        #expect(planned.plan.files[0].tensors[0].descriptor.scalarType == .f16)
    }
}

private func sine(_ x: Double) -> Double {
    var (term, sum) = (x, x)
    for n in 1..<20 {
        term *= -x * x / Double((2 * n) * (2 * n + 1))
        sum += term
    }
    return sum
}

/// The angle whose cosine is `x`, by bisection.
private func arc(_ x: Double) -> Double {
    var (low, high) = (0.0, Double.pi)
    for _ in 0..<80 {
        let middle = (low + high) / 2
        if sine(Double.pi / 2 - middle) > x { low = middle } else { high = middle }
    }
    return low
}
