import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Adapters in the original's own names, of every family: there nothing is joined, parted or swapped, so that what they make of a checkpoint is a
/// plain sum of the file's own tensors.
@Suite struct AdapterTargetTests {
    @Test(arguments: [
        "sd15-tiny", "sd21-tiny", "sdxl-tiny", "sd3-medium-tiny", "sd35-medium-tiny", "flux-dev-tiny", "flux-schnell-tiny",
    ])
    func originalNamesAreSums(_ name: String) throws {
        let folder = try TemporaryFolder()
        let checkpoint = folder["checkpoint.safetensors"]
        var request = ConversionRequest(source: Fixtures["models/\(name)"])
        request.scalarType = .f32
        _ = try Executor().run(ConversionPlan(request, to: .checkpoint(.safetensors)), to: checkpoint)
        let source = try openWeights(checkpoint)
        let before = try numbers(source)
        let prefix = "model.diffusion_model."
        let rank = 3
        var expected = before
        var tensors: [(String, [Int], [Float])] = []
        var count = 0
        for (place, tensor) in source.tensors.enumerated() {
            let shape = tensor.shape.dimensions
            guard tensor.name.hasPrefix(prefix), tensor.name.hasSuffix(".weight"), shape.count == 2 || shape.count == 4 else { continue }
            // All that is joined or swapped elsewhere, and some of the rest.
            let path = String(tensor.name.dropFirst(prefix.count).dropLast(".weight".count))
            guard ["qkv", "linear1", "adaLN", "proj_in"].contains(where: path.contains) || place % 5 == 0 else { continue }
            // Both spellings in one file, as no tool writes them.
            count += 1
            let isDotted = count % 2 == 0
            let stem = isDotted ? "diffusion_model." + path : "lora_unet_" + String(path.map { $0 == "." ? "_" : $0 })
            let (rows, columns) = (shape[0], tensor.shape.elementCount / shape[0])
            let down = madeUp(stem + "d", rank * columns)
            let up = madeUp(stem + "u", rows * rank)
            let tail = shape.count == 4 ? [1, 1] : []
            tensors.append((stem + (isDotted ? ".lora_A.weight" : ".lora_down.weight"), [rank] + shape.dropFirst(), down))
            tensors.append((stem + (isDotted ? ".lora_B.weight" : ".lora_up.weight"), [rows, rank] + tail, up))
            if !isDotted { tensors.append((stem + ".alpha", [], [1.5])) }
            let factor = 0.8 * (isDotted ? 1 : 1.5 / Double(rank))
            expected[tensor.name] = (0..<rows * columns).map { index in
                let (row, column) = index.quotientAndRemainder(dividingBy: columns)
                let sum = (0..<rank).reduce(0.0) { $0 + Double(up[row * rank + $1]) * Double(down[$1 * columns + column]) }
                return (before[tensor.name]?[index] ?? 0) + factor * sum
            }
        }
        #expect(count >= 5)
        try writeFloats(folder["lora.safetensors"], tensors)
        var merge = ModelMerge([checkpoint])
        merge.adapters = [ModelMerge.AddedAdapter(folder["lora.safetensors"], strength: 0.8)]
        try perform(merge, to: folder["merged.safetensors"])
        let merged = try numbers(openWeights(folder["merged.safetensors"]))
        #expect(Set(merged.keys) == Set(expected.keys))
        for (name, values) in expected { #expect(distance(merged[name] ?? [], values) <= 3e-7, "\(name)") }
    }
}
