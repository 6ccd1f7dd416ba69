internal import CKernels
public import IsomerBytes

/// What a transformer is conditioned on, as scales, shifts and gates of its layers: adaptive layer norm.
extension Computation {
    /// `norm(x) · (1 + scale) + shift`: layer norm of `x [images, ..., width]` without weights, then one vector of each for a picture.
    ///
    /// - Parameters:
    ///   - modulation: `[images, n · width]`, n vectors side by side.
    ///   - shift: the place of the shift among the vectors.
    ///   - scale: the place of the scale.
    public func modulatedNorm(
        _ x: Tensor, _ modulation: Tensor, shift: Int, scale: Int, epsilon: Float
    ) throws(IsomerError) -> Tensor {
        let width = x.channels
        try require(modulation, for: x, places: [shift, scale])
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address, let vectors = modulation.address, x.count > 0 else { return output }
        let (images, stride) = (modulation.shape[0], modulation.channels)
        let factors = Slots<Float>(count: images * width)
        for image in 0..<images {
            for channel in 0..<width {
                factors.address[image * width + channel] = 1 + vectors[image * stride + scale * width + channel]
            }
        }
        let level = level.kernels
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, destination, shifts) = (UnsafePointer(input), target, UnsafePointer(vectors + shift * width))
        try parallelImages(images, rows: x.rows / images, cost: width) { image, rows in
            let first = (image * (rows.total) + rows.range.lowerBound) * width
            isomer_row_norm(
                level, source + first, destination + first, rows.range.count, width, factors.address + image * width,
                shifts + image * stride, epsilon, false)
        }
        return withExtendedLifetime((x, modulation, factors)) { output }
    }

    /// `residual + gate · x`, with the gate one vector of `modulation [images, n · width]` for a picture.
    public func addGated(
        _ residual: Tensor, _ x: Tensor, _ modulation: Tensor, gate: Int
    ) throws(IsomerError) -> Tensor {
        let width = x.channels
        try require(modulation, for: x, places: [gate])
        try residual.require(x.shape, as: "what is added to")
        let output = try tensor(x.shape)
        guard let input = x.address, let other = residual.address, let target = output.address, let vectors = modulation.address,
            x.count > 0
        else { return output }
        let (images, stride) = (modulation.shape[0], modulation.channels)
        let level = level.kernels
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, added, destination) = (UnsafePointer(input), UnsafePointer(other), target)
        nonisolated(unsafe) let gates = UnsafePointer(vectors + gate * width)
        try parallelImages(images, rows: x.rows / images, cost: width) { image, rows in
            let first = (image * (rows.total) + rows.range.lowerBound) * width
            isomer_add_gated(level, added + first, source + first, gates + image * stride, destination + first, rows.range.count, width)
        }
        return withExtendedLifetime((x, residual, modulation)) { output }
    }

    /// Rows of one picture.
    private struct Rows {
        /// These.
        let range: Range<Int>
        /// All that a picture has.
        let total: Int
    }

    /// Splits the rows of pictures into pieces of work, none of which crosses from one picture to the next.
    private func parallelImages(
        _ images: Int, rows: Int, cost: Int, _ body: @Sendable (_ image: Int, _ rows: Rows) -> Void
    ) throws(IsomerError) {
        let share = max(1, 65_536 / max(1, cost))
        let shares = (rows + share - 1) / share
        try parallel(images * shares) { item, _ in
            let (image, part) = item.quotientAndRemainder(dividingBy: shares)
            body(image, Rows(range: part * share..<min(rows, (part + 1) * share), total: rows))
        }
    }

    private func require(_ modulation: Tensor, for x: Tensor, places: [Int]) throws(IsomerError) {
        guard modulation.shape.count == 2, let images = x.shape.first, modulation.shape[0] == images,
            places.allSatisfy({ $0 >= 0 && ($0 + 1) * x.channels <= modulation.channels })
        else {
            throw IsomerError(
                .mismatch, "a modulation does not fit", expected: "vectors of \(x.channels) for each of \(x.shape.first ?? 0) pictures",
                found: "\(modulation.shape)")
        }
    }
}
