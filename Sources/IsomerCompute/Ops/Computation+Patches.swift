public import IsomerBytes
import IsomerTensors

/// Pictures `[images, height, width, channels]` cut into squares, and other changes of their size.
extension Computation {
    /// In which order the numbers of a square stand in its token.
    public enum PatchOrder: Hashable, Sendable {
        /// Channels outermost, then rows and columns: Flux, and PyTorch's `pixel_unshuffle`.
        case channelsFirst
        /// Rows and columns, then channels: Stable Diffusion 3.
        case channelsLast
    }

    /// Squares of `side` pixels as tokens, row by row: `[images, height / side · width / side, channels · side²]`.
    public func patchify(_ x: Tensor, side: Int, order: PatchOrder) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4, side > 0, x.shape[1] % side == 0, x.shape[2] % side == 0 else {
            throw IsomerError(
                .mismatch, "the picture cannot be cut into squares", expected: "sides divisible by \(side)", found: "\(x.shape)")
        }
        let (rows, columns, channels) = (x.shape[1] / side, x.shape[2] / side, x.channels)
        let output = try tensor([x.shape[0], rows * columns, channels * side * side])
        try move(x, output, rows: rows, columns: columns, channels: channels, side: side, order, isCutting: true)
        return output
    }

    /// The inverse of `patchify`: `[images, rows · columns, channels · side²]` to `[images, rows · side, columns · side, channels]`.
    public func unpatchify(_ x: Tensor, rows: Int, columns: Int, side: Int, order: PatchOrder) throws(IsomerError) -> Tensor {
        guard x.shape.count == 3, side > 0, rows >= 0, columns >= 0, x.shape[1] == rows * columns, x.channels % (side * side) == 0 else {
            throw IsomerError(
                .mismatch, "the tokens do not make a picture", expected: "\(rows)×\(columns) squares of \(side)×\(side)",
                found: "\(x.shape)")
        }
        let channels = x.channels / (side * side)
        let output = try tensor([x.shape[0], rows * side, columns * side, channels])
        try move(output, x, rows: rows, columns: columns, channels: channels, side: side, order, isCutting: false)
        return output
    }

    private func move(
        _ picture: Tensor, _ tokens: Tensor, rows: Int, columns: Int, channels: Int, side: Int, _ order: PatchOrder, isCutting: Bool
    ) throws(IsomerError) {
        guard let pixels = picture.address, let numbers = tokens.address else { return }
        let (width, size) = (columns * side, channels * side * side)
        // SAFETY: every share moves its own tokens.
        nonisolated(unsafe) let (pixel, number) = (pixels, numbers)
        try parallelRows(tokens.rows, cost: 4 * size) { range in
            for token in range {
                let (line, column) = token.quotientAndRemainder(dividingBy: columns)
                for y in 0..<side {
                    for x in 0..<side {
                        let place = pixel + ((line * side + y) * width + column * side + x) * channels
                        let base = number + token * size
                        for channel in 0..<channels {
                            let inside =
                                order == .channelsFirst ? (channel * side + y) * side + x : (y * side + x) * channels + channel
                            if isCutting { base[inside] = place[channel] } else { place[channel] = base[inside] }
                        }
                    }
                }
            }
        }
        withExtendedLifetime((picture, tokens)) {}
    }

    /// The mean of squares of 2×2 pixels; of what is left of them at odd edges.
    public func averagePool(_ x: Tensor) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4 else { throw IsomerError(.mismatch, "only pictures can be pooled", found: "\(x.shape)") }
        let (height, width, channels) = (x.shape[1], x.shape[2], x.channels)
        let output = try tensor([x.shape[0], (height + 1) / 2, (width + 1) / 2, channels])
        guard let input = x.address, let target = output.address else { return output }
        for image in 0..<x.shape[0] {
            for row in 0..<output.shape[1] {
                for column in 0..<output.shape[2] {
                    let lines = 2 * row..<min(height, 2 * row + 2)
                    let places = lines.flatMap { y in
                        (2 * column..<min(width, 2 * column + 2)).map { ((image * height + y) * width + $0) * channels }
                    }
                    let destination = target + ((image * output.shape[1] + row) * output.shape[2] + column) * channels
                    for channel in 0..<channels {
                        destination[channel] = places.reduce(Float(0)) { $0 + input[$1 + channel] } / Float(places.count)
                    }
                }
            }
        }
        return withExtendedLifetime(x) { output }
    }

    /// The mean over the pixels or tokens of each picture: `[images, ..., channels]` to `[images, channels]`.
    public func meanOverPixels(_ x: Tensor) throws(IsomerError) -> Tensor {
        let (images, channels) = (x.shape.first ?? 0, x.channels)
        let output = try tensor([images, channels])
        guard let input = x.address, let target = output.address, images > 0 else { return output }
        let pixels = x.rows / images
        for image in 0..<images {
            var sums = [Double](repeating: 0, count: channels)
            for pixel in 0..<pixels {
                let row = input + (image * pixels + pixel) * channels
                for channel in 0..<channels { sums[channel] += Double(row[channel]) }
            }
            for channel in 0..<channels { target[image * channels + channel] = Float(sums[channel] / Double(max(1, pixels))) }
        }
        return withExtendedLifetime(x) { output }
    }

    /// `x [images, ..., channels]` plus one vector for each picture, `[images, channels]`.
    public func addToPixels(_ x: Tensor, _ vectors: Tensor) throws(IsomerError) -> Tensor {
        try vectors.require([x.shape.first ?? 0, x.channels], as: "what is added to all pixels")
        let output = try tensor(x.shape)
        guard let input = x.address, let added = vectors.address, let target = output.address, x.count > 0 else { return output }
        let (pixels, channels) = (x.rows / x.shape[0], x.channels)
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, vector, destination) = (UnsafePointer(input), UnsafePointer(added), target)
        try parallelRows(x.rows, cost: channels) { rows in
            for row in rows {
                let addend = vector + row / pixels * channels
                for channel in 0..<channels {
                    destination[row * channels + channel] = source[row * channels + channel] + addend[channel]
                }
            }
        }
        return withExtendedLifetime((x, vectors)) { output }
    }

    /// The channels in the opposite order: RGB to BGR.
    public func reversedChannels(_ x: Tensor) throws(IsomerError) -> Tensor {
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address else { return output }
        let channels = x.channels
        for row in 0..<x.rows {
            for channel in 0..<channels { target[row * channels + channel] = input[(row + 1) * channels - 1 - channel] }
        }
        return withExtendedLifetime(x) { output }
    }

    /// A rectangle of each picture.
    public func crop(_ x: Tensor, rows: Range<Int>, columns: Range<Int>) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4, rows.lowerBound >= 0, rows.upperBound <= x.shape[1], columns.lowerBound >= 0,
            columns.upperBound <= x.shape[2]
        else {
            throw IsomerError(
                .mismatch, "the rectangle lies outside of the picture", expected: "\(x.shape)", found: "\(rows), \(columns)")
        }
        let output = try tensor([x.shape[0], rows.count, columns.count, x.channels])
        guard let input = x.address, let target = output.address else { return output }
        let size = columns.count * x.channels
        for image in 0..<x.shape[0] {
            for (line, row) in rows.enumerated() {
                (target + (image * rows.count + line) * size).update(
                    from: input + ((image * x.shape[1] + row) * x.shape[2] + columns.lowerBound) * x.channels, count: size)
            }
        }
        return withExtendedLifetime(x) { output }
    }

    /// Some rows of the bare parameter `name`, of `shape [..., width]`, one copy for each picture: `[images, rows.count, width]`. The others
    /// are not read.
    public func parameterRows(
        _ name: String, of module: Module, shape: [Int], rows: [Int], images: Int
    ) throws(IsomerError) -> Tensor {
        let width = shape.last ?? 1
        let count = shape.dropLast().reduce(1, *)
        guard rows.allSatisfy({ 0 <= $0 && $0 < count }) else {
            throw IsomerError(.mismatch, "the parameter has no such rows", item: module.path + name, expected: "0..<\(count)")
        }
        let output = try tensor([images, rows.count, width])
        if isPlanning {
            try module.weights.expect(module.path + name, shape)
            return output
        }
        guard let target = output.address else { return output }
        try module.weights.withBytes(module.path + name, shape) { bytes, type throws(IsomerError) in
            guard let size = type.byteCount(of: width), let rowBytes = ScalarType.f32.byteCount(of: width) else { return }
            let cast = try Cast(from: type, to: .f32)
            for (line, row) in rows.enumerated() {
                try cast.apply(
                    UnsafeRawBufferPointer(start: bytes + row * size, count: size),
                    UnsafeMutableRawBufferPointer(start: target + line * width, count: rowBytes), elementCount: width)
            }
        }
        let size = rows.count * width
        for image in 1..<max(1, images) { (target + image * size).update(from: target, count: size) }
        return output
    }
}
