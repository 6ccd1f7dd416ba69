import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// LoRA from differences, and LoRA with fewer ranks.
@Suite struct LowRankTests {
    static let model = Fixtures["models/sd15-tiny"]

    /// What an adapter of rank 8 changed is found again by factors of rank 8, convolutions too, in any naming.
    @Test(arguments: [AdapterNaming.kohya, .peft])
    func differencesAreFoundAgain(_ naming: AdapterNaming) throws {
        let folder = try TemporaryFolder()
        var merge = ModelMerge([Self.model])
        merge.adapters = [ModelMerge.AddedAdapter(Fixtures["adapters/kohya.safetensors"], strength: 1)]
        let planned = try perform(merge, to: folder["tuned.safetensors"])
        var extraction = LoRAExtraction(folder["tuned.safetensors"], from: Self.model, .safetensors)
        extraction.choice = LowRankFactors.Choice(mostRanks: 8)
        extraction.convolutions = LowRankFactors.Choice(mostRanks: 8)
        extraction.naming = naming
        extraction.scalarType = .f32
        let plan = try extraction.plan(ConversionRequest(source: Self.model))
        _ = try Executor().run(plan, to: folder["lora.safetensors"])
        let adapter = try Adapter(folder["lora.safetensors"], for: Model(ConversionRequest(source: Self.model)))
        #expect(adapter.modules.count == planned.merged.tensors.count)
        #expect(adapter.naming == naming)
        var again = ModelMerge([Self.model])
        again.adapters = [ModelMerge.AddedAdapter(folder["lora.safetensors"], strength: 1)]
        try perform(again, to: folder["again.safetensors"])
        let expected = try modelNumbers(folder["tuned.safetensors"])
        for (name, values) in try modelNumbers(folder["again.safetensors"]) {
            #expect(distance(values, expected[name] ?? []) < 2e-6, "\(name)")
        }
        // Without convolutions they are named as left out.
        extraction.convolutions = nil
        #expect(try extraction.plan(ConversionRequest(source: Self.model)).notes.contains { $0.contains("other tensors differ") })
    }

    @Test func equalModelsHaveNoLoRA() throws {
        let extraction = LoRAExtraction(Self.model, from: Self.model, .safetensors)
        #expect(throws: IsomerError.self) { _ = try extraction.plan(ConversionRequest(source: Self.model)) }
    }

    /// The best factors of a rank leave the smallest sizes out, and only those.
    @Test(arguments: [(40, 30, 6), (12, 50, 12), (64, 8, 3)])
    func factorsAreTheBest(_ rows: Int, _ columns: Int, _ rank: Int) throws {
        // Two thirds of the energy in one direction, less and less in the others.
        let matrix = FloatBuffer(count: rows * columns)
        for i in matrix.values.indices { matrix.values[i] = 0 }
        for part in 0..<min(rows, columns) {
            let (u, v) = (madeUp("u\(part)", rows, deviation: 1), madeUp("v\(part)", columns, deviation: 1))
            let size = Float(1) / Float(1 << part)
            for r in 0..<rows { for c in 0..<columns { matrix.values[r * columns + c] += size * u[r] * v[c] } }
        }
        let found = try LowRankFactors(matrix, rows: rows, columns: columns, seed: 1, LowRankFactors.Choice(mostRanks: rank))
        var (error, total) = (0.0, 0.0)
        for r in 0..<rows {
            for c in 0..<columns {
                var sum: Float = 0
                for k in 0..<found.rank { sum += found.up.values[r * found.rank + k] * found.down.values[k * columns + c] }
                let value = Double(matrix.values[r * columns + c])
                error += (value - Double(sum)) * (value - Double(sum))
                total += value * value
            }
        }
        #expect(found.rank == min(rank, min(rows, columns)))
        #expect(abs(found.energy - (1 - error / total)) < 1e-5)
        #expect(zip(found.sizes, found.sizes.dropFirst()).allSatisfy { $0 >= $1 })
        // Factors of all ranks, reduced, are the same as those of the whole.
        let whole = try LowRankFactors(matrix, rows: rows, columns: columns, seed: 2, LowRankFactors.Choice(mostRanks: 64))
        #expect(whole.energy > 0.999999)
        let reduced = try LowRankFactors(
            up: whole.up, down: whole.down, rows: rows, columns: columns, rank: whole.rank, LowRankFactors.Choice(mostRanks: rank))
        #expect(zip(reduced.sizes, found.sizes).allSatisfy { abs($0 - $1) < 1e-4 * found.sizes[0] })
        let half = try LowRankFactors(
            up: whole.up, down: whole.down, rows: rows, columns: columns, rank: whole.rank,
            LowRankFactors.Choice(mostRanks: 64, energy: 0.5))
        #expect(half.rank < whole.rank && half.energy >= 0.5)
    }

    @Test func resizing() throws {
        let model = try Model(ConversionRequest(source: Self.model))
        for name in ["kohya", "peft"] {
            let adapter = try Adapter(Fixtures["adapters"].appending(name + ".safetensors"), for: model)
            let small = try adapter.resized(LowRankFactors.Choice(mostRanks: 2))
            #expect(small.scales.allSatisfy { $0.rank == 2 })
            #expect(zip(small.scales, adapter.scales).allSatisfy { abs($0.factor - $1.factor) < 1e-9 })
            #expect(small.naming == adapter.naming)
            #expect(small.source.tensors.metadata["ss_network_dim"] == (name == "kohya" ? "2" : nil))
            // As many ranks as there are change nothing but the factors themselves.
            let same = try adapter.resized(LowRankFactors.Choice(mostRanks: 64, energy: 1))
            for (module, other) in zip(adapter.modules, same.modules) {
                guard let down = module.tensors[.down], let up = module.tensors[.up], module.kind == .lora else { continue }
                let before = try product(adapter.source.tensors, down, up)
                let after = try product(same.source.tensors, other.tensors[.down] ?? 0, other.tensors[.up] ?? 0)
                #expect(distance(after, before) < 2e-3, "\(module.stem)")
            }
        }
    }

    private func product(_ source: any TensorSource, _ down: Int, _ up: Int) throws -> [Double] {
        let rank = source.tensors[down].shape.dimensions[0]
        let (rows, columns) = (source.tensors[up].shape.elementCount / rank, source.tensors[down].shape.elementCount / rank)
        let (a, b) = (try source.floats(of: up), try source.floats(of: down))
        var result = [Double](repeating: 0, count: rows * columns)
        for r in 0..<rows {
            for c in 0..<columns {
                for k in 0..<rank { result[r * columns + c] += Double(a.values[r * rank + k]) * Double(b.values[k * columns + c]) }
            }
        }
        return result
    }
}
