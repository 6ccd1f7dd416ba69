internal import CKernels
public import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Rotary position embedding: the numbers of a head, two by two, turn by angles that the token's coordinates tell.
extension Computation {
    /// The angles' cosines, then their sines, `[2, tokens, head / 2]`.
    ///
    /// - Parameters:
    ///   - positions: the coordinates of each token, as many as there are `widths`.
    ///   - widths: how many numbers of a head turn with each coordinate. All even; their sum is the head.
    ///   - base: the longest period is 2π times this.
    public func rotaryTable(_ positions: [[Float]], widths: [Int], base: Double = 10_000) throws(IsomerError) -> Tensor {
        guard widths.allSatisfy({ $0 > 0 && $0 % 2 == 0 }), positions.allSatisfy({ $0.count == widths.count }) else {
            throw IsomerError(
                .mismatch, "a token's coordinates do not fit the rotary embedding", expected: "\(widths.count) coordinates, even widths",
                found: "\(widths)")
        }
        let pairs = widths.reduce(0, +) / 2
        let table = try tensor([2, positions.count, pairs])
        guard let target = table.address else { return table }
        let sines = target + positions.count * pairs
        for (token, coordinates) in positions.enumerated() {
            var place = token * pairs
            for (coordinate, width) in zip(coordinates, widths) {
                for pair in 0..<width / 2 {
                    let angle = Reference.rotaryAngle(coordinate, pair: pair, width: width, base: base)
                    target[place] = Float(cos(angle))
                    sines[place] = Float(sin(angle))
                    place += 1
                }
            }
        }
        return table
    }

    /// Turns the heads of `x [images, tokens, heads · head]` by a table of `rotaryTable`.
    public func rotate(_ x: Tensor, _ table: Tensor) throws(IsomerError) -> Tensor {
        guard x.shape.count == 3, table.shape.count == 3, table.shape[0] == 2, table.shape[1] == x.shape[1], table.channels > 0,
            x.channels % (2 * table.channels) == 0
        else {
            throw IsomerError(
                .mismatch, "the rotary embedding does not fit", expected: "[2, tokens, head / 2] for \(x.shape)", found: "\(table.shape)")
        }
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address, let cosines = table.address else { return output }
        let (tokens, pairs, width) = (x.shape[1], table.channels, x.channels)
        let heads = width / (2 * pairs)
        let level = level.kernels
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, destination, angles) = (UnsafePointer(input), target, UnsafePointer(cosines))
        try parallelRows(x.rows, cost: width) { rows in
            for row in rows {
                let place = angles + row % tokens * pairs
                isomer_rotate(level, source + row * width, place, place + tokens * pairs, destination + row * width, heads, pairs)
            }
        }
        return withExtendedLifetime((x, table)) { output }
    }
}
