public import IsomerBytes

/// Pictures that are made in overlapping pieces.
extension Computation {
    /// `b` with its first rows or columns faded in: each is what lies over it in `a`'s last ones, less and less, plus its own, more and more.
    ///
    /// - Parameter extent: how many; at most as many as either has.
    public func faded(_ b: Tensor, after a: Tensor, extent: Int, alongRows: Bool) throws(IsomerError) -> Tensor {
        guard a.shape.count == 4, b.shape.count == 4, a.shape[0] == b.shape[0], a.channels == b.channels, extent >= 0,
            alongRows ? a.shape[2] == b.shape[2] : a.shape[1] == b.shape[1]
        else { throw IsomerError(.mismatch, "two pieces of a picture do not meet", expected: "\(a.shape)", found: "\(b.shape)") }
        let output = try tensor(b.shape)
        guard let before = a.address, let after = b.address, let target = output.address else { return output }
        let axis = alongRows ? 1 : 2
        let extent = min(extent, a.shape[axis], b.shape[axis])
        let channels = b.channels
        target.update(from: after, count: b.count)
        for image in 0..<b.shape[0] {
            for row in 0..<(alongRows ? extent : b.shape[1]) {
                for column in 0..<(alongRows ? b.shape[2] : extent) {
                    let share = Float(alongRows ? row : column) / Float(extent)
                    let place = ((image * b.shape[1] + row) * b.shape[2] + column) * channels
                    let (y, x) = alongRows ? (a.shape[1] - extent + row, column) : (row, a.shape[2] - extent + column)
                    let source = before + ((image * a.shape[1] + y) * a.shape[2] + x) * channels
                    for channel in 0..<channels {
                        target[place + channel] = source[channel] * (1 - share) + target[place + channel] * share
                    }
                }
            }
        }
        return withExtendedLifetime((a, b)) { output }
    }

    /// One picture of rows of pieces. Pieces in a row are equally high, pieces over one another equally wide.
    public func joined(_ pieces: [[Tensor]]) throws(IsomerError) -> Tensor {
        guard let top = pieces.first, let corner = top.first, corner.shape.count == 4, let images = corner.shape.first else {
            throw IsomerError(.usage, "there are no pieces to make a picture of")
        }
        let height = pieces.reduce(0) { $0 + ($1.first?.shape[1] ?? 0) }
        let width = top.reduce(0) { $0 + $1.shape[2] }
        let channels = corner.channels
        let output = try tensor([images, height, width, channels])
        var line = 0
        for row in pieces {
            var column = 0
            guard row.count == top.count else { throw IsomerError(.mismatch, "the pieces do not make a rectangle") }
            for (piece, above) in zip(row, top) {
                try piece.require([images, row[0].shape[1], above.shape[2], channels], as: "a piece of a picture")
                if let source = piece.address, let target = output.address {
                    let size = piece.shape[2] * channels
                    for image in 0..<images {
                        for y in 0..<piece.shape[1] {
                            (target + ((image * height + line + y) * width + column) * channels).update(
                                from: source + (image * piece.shape[1] + y) * size, count: size)
                        }
                    }
                }
                column += piece.shape[2]
            }
            line += row.first?.shape[1] ?? 0
        }
        return withExtendedLifetime(pieces) { output }
    }
}
