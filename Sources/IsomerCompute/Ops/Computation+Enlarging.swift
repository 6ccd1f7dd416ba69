public import IsomerBytes

extension Computation {
    /// A picture twice as large, each pixel four times, without its last row or column where `height` or `width` is odd:
    /// `[images, height, width, channels]`. Where neither is, `convolution` enlarges on its way.
    public func doubled(_ x: Tensor, height: Int, width: Int) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4, x.shape[1] == (height + 1) / 2, x.shape[2] == (width + 1) / 2 else {
            throw IsomerError(
                .mismatch, "a picture is not half as large as it is to become", expected: "\((height + 1) / 2)×\((width + 1) / 2)",
                found: "\(x.shape)")
        }
        let channels = x.channels
        let output = try tensor([x.shape[0], height, width, channels])
        guard let input = x.address, let target = output.address else { return output }
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        let (inputHeight, inputWidth) = (x.shape[1], x.shape[2])
        try parallelRows(x.shape[0] * height, cost: width * channels) { rows in
            for row in rows {
                let from = source + ((row / height) * inputHeight + row % height / 2) * inputWidth * channels
                let to = destination + row * width * channels
                for column in 0..<width { (to + column * channels).update(from: from + column / 2 * channels, count: channels) }
            }
        }
        return withExtendedLifetime(x) { output }
    }
}
