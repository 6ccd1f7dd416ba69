extension SaliencyMap {
    /// The box that holds what draws the eye, for a crop of the given size (both in pixels of the picture), and which share of all saliency
    /// that crop can hold.
    ///
    /// The crop with the largest sum is found first; within it, the box leaves out the outer twentieths of the sum, so that a few specks far
    /// away do not move it.
    func subject(cropWidth: Double, cropHeight: Double) -> (box: PixelBox, share: Double) {
        let columns = min(width, max(1, Int((cropWidth / scale.x).rounded())))
        let rows = min(height, max(1, Int((cropHeight / scale.y).rounded())))
        var sums = [Double](repeating: 0, count: (width + 1) * (height + 1))
        // What is everywhere is nobody's subject.
        let floor = Self.quantile(values, 0.5)
        let raised = values.map { Double(max(0, $0 - floor)) }
        for y in 0..<height {
            var row = 0.0
            for x in 0..<width {
                row += raised[y * width + x]
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row
            }
        }
        func sum(_ x: Int, _ y: Int, _ w: Int, _ h: Int) -> Double {
            let (a, b) = (y * (width + 1) + x, (y + h) * (width + 1) + x)
            return sums[b + w] - sums[b] - sums[a + w] + sums[a]
        }
        let total = sum(0, 0, width, height)
        guard total > 0 else {
            return (PixelBox(left: 0, top: 0, right: Double(width) * scale.x, bottom: Double(height) * scale.y), 0)
        }
        var best = (x: 0, y: 0, sum: -1.0)
        // Of equal places the one nearest to the middle.
        var nearest = Int.max
        for y in 0...height - rows {
            for x in 0...width - columns {
                let value = sum(x, y, columns, rows)
                let distance = abs(2 * x + columns - width) + abs(2 * y + rows - height)
                if value > best.sum * (1 + 1e-9) || (value >= best.sum * (1 - 1e-9) && distance < nearest) {
                    best = (x, y, value)
                    nearest = distance
                }
            }
        }
        var across = [Double](repeating: 0, count: columns)
        var down = [Double](repeating: 0, count: rows)
        for y in 0..<rows {
            for x in 0..<columns {
                let value = raised[(best.y + y) * width + best.x + x]
                across[x] += value
                down[y] += value
            }
        }
        let (left, right) = Self.extent(across)
        let (top, bottom) = Self.extent(down)
        let box = PixelBox(
            left: (Double(best.x) + left) * scale.x, top: (Double(best.y) + top) * scale.y,
            right: (Double(best.x) + right) * scale.x, bottom: (Double(best.y) + bottom) * scale.y)
        return (box, best.sum / total)
    }

    /// Where a profile's inner nine tenths begin and end.
    private static func extent(_ profile: [Double]) -> (start: Double, end: Double) {
        let total = profile.reduce(0, +)
        func place(_ share: Double) -> Double {
            var sum = 0.0
            for (index, value) in profile.enumerated() {
                if sum + value >= total * share { return Double(index) + (value > 0 ? (total * share - sum) / value : 0) }
                sum += value
            }
            return Double(profile.count)
        }
        return (place(0.05), max(place(0.05) + 1, place(0.95)))
    }
}
