import IsomerBytes
import IsomerCompute

extension Computation {
    /// Brings a picture to a ControlNet: from `widths` resolutions down to the last, each half as large as the one before.
    ///
    /// Reference: diffusers 0.42.1, models/controlnets/controlnet.py, `ControlNetConditioningEmbedding`.
    func pictureEmbedding(_ picture: Tensor, _ module: Module, widths: [Int], output: Int) throws(IsomerError) -> Tensor {
        guard let first = widths.first, picture.shape.count == 4 else {
            throw IsomerError(.mismatch, "a ControlNet looks at pictures", item: module.name, found: "\(picture.shape)")
        }
        var x = try convolution(picture, module["conv_in"], outputs: first, kernel: 3, activation: .silu)
        for (level, (width, next)) in zip(widths, widths.dropFirst()).enumerated() {
            let blocks = module["blocks"]
            x = try convolution(x, blocks["\(2 * level)"], outputs: width, kernel: 3, activation: .silu)
            x = try convolution(x, blocks["\(2 * level + 1)"], outputs: next, kernel: 3, stride: 2, activation: .silu)
        }
        return try convolution(x, module["conv_out"], outputs: output, kernel: 3)
    }
}
