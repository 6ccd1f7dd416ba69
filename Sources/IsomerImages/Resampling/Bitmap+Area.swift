internal import IsomerBytes

extension Bitmap {
    /// What each new pixel covers, averaged; only for shrinking.
    ///
    /// Reference: OpenCV 5.0.0, modules/imgproc/src/resize.cpp, `INTER_AREA`: whole factors are integer sums times a single-precision
    /// reciprocal, others single-precision sums along rows and then along columns; ties round to even.
    func areaResampled(to size: PixelSize, box: PixelBox, limits: Limits) throws(IsomerError) -> Bitmap {
        let isWhole = [box.left, box.top, box.right, box.bottom].allSatisfy { $0 == $0.rounded() }
        guard isWhole, samples == .uint8 else {
            throw IsomerError(.usage, "averaging areas takes 8-bit pictures and boxes of whole pixels")
        }
        let part = try cropped(x: Int(box.left), y: Int(box.top), width: Int(box.width), height: Int(box.height))
        guard size.width <= part.width, size.height <= part.height else {
            throw IsomerError(
                .usage, "averaging areas only makes pictures smaller", expected: "at most \(part.size)", found: "\(size)",
                remedy: "choose bicubic or lanczos")
        }
        if size == part.size { return part }
        if part.width % size.width == 0 && part.height % size.height == 0 { return try part.blockAveraged(to: size, limits) }
        return try part.areaAveraged(to: size, limits)
    }

    private func blockAveraged(to size: PixelSize, _ limits: Limits) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: size.width, size.height, channels, limits: limits)
        let (factorX, factorY, step) = (width / size.width, height / size.height, channels.count)
        let scale = 1 / Float(factorX * factorY)
        for y in 0..<size.height {
            for x in 0..<size.width {
                for c in 0..<step {
                    var sum: Int32 = 0
                    for row in 0..<factorY {
                        let from = source + (y * factorY + row) * rowBytes + x * factorX * step + c
                        for column in 0..<factorX { sum &+= Int32(from[column * step]) }
                    }
                    // Two by two is shifted, so ties go up; the rest goes through single precision.
                    let value = factorX == 2 && factorY == 2 ? (sum + 2) >> 2 : Int32((Float(sum) * scale).rounded(.toNearestOrEven))
                    result.target[y * result.rowBytes + x * step + c] = UInt8(clamping: value)
                }
            }
        }
        return result
    }

    private struct Share {
        var input: Int
        var output: Int
        var weight: Float
    }

    private static func shares(_ input: Int, _ output: Int) -> [Share] {
        let scale = Double(input) / Double(output)
        var result: [Share] = []
        for index in 0..<output {
            let start = Double(index) * scale
            let end = start + scale
            let cell = min(scale, Double(input) - start)
            let last = min(Int(end.rounded(.down)), input - 1)
            let first = min(Int(start.rounded(.up)), last)
            if Double(first) - start > 1e-3 {
                result.append(Share(input: first - 1, output: index, weight: Float((Double(first) - start) / cell)))
            }
            for whole in first..<max(first, last) { result.append(Share(input: whole, output: index, weight: Float(1 / cell))) }
            if end - Double(last) > 1e-3 {
                result.append(Share(input: last, output: index, weight: Float(min(min(end - Double(last), 1), cell) / cell)))
            }
        }
        return result
    }

    private func areaAveraged(to size: PixelSize, _ limits: Limits) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: size.width, size.height, channels, limits: limits)
        let step = channels.count
        let (columns, rows) = (Self.shares(width, size.width), Self.shares(height, size.height))
        var line = [Float](repeating: 0, count: size.width * step)
        var sum = line
        func emit(_ row: Int) {
            for i in 0..<sum.count {
                result.target[row * result.rowBytes + i] = UInt8(min(max(sum[i].rounded(.toNearestOrEven), 0), 255))
            }
        }
        for (index, row) in rows.enumerated() {
            let from = source + row.input * rowBytes
            line.withUnsafeMutableBufferPointer { line in
                line.update(repeating: 0)
                for share in columns {
                    for c in 0..<step { line[share.output * step + c] += Float(from[share.input * step + c]) * share.weight }
                }
            }
            let begins = index == 0 || rows[index - 1].output != row.output
            for i in 0..<line.count { sum[i] = begins ? row.weight * line[i] : sum[i] + row.weight * line[i] }
            if index == rows.count - 1 || rows[index + 1].output != row.output { emit(row.output) }
        }
        return result
    }
}
