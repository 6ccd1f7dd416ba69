#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension Reference {
    /// Layer norm of rows without weights, then a scale and a shift for each picture: `modulation` is `[images][n · width]`.
    static func modulatedNorm(
        _ x: [Float], _ modulation: [Float], images: Int, width: Int, shift: Int, scale: Int, epsilon: Float
    ) -> [Float] {
        let normal = rowNorm(x, weight: [Float](repeating: 1, count: width), bias: nil, epsilon: epsilon)
        let (size, stride) = (x.count / images, modulation.count / images)
        return normal.enumerated().map { place, value in
            let vector = place / size * stride + place % width
            return value * (1 + modulation[vector + scale * width]) + modulation[vector + shift * width]
        }
    }

    /// `residual + gate · x` with a gate for each picture.
    static func addGated(_ residual: [Float], _ x: [Float], _ modulation: [Float], images: Int, width: Int, gate: Int) -> [Float] {
        let (size, stride) = (x.count / images, modulation.count / images)
        return x.enumerated().map { place, value in
            residual[place] + modulation[place / size * stride + gate * width + place % width] * value
        }
    }

    /// The angle by which pair `pair` of the numbers of one coordinate turns.
    ///
    /// Reference: diffusers 0.42.1, models/embeddings.py, `get_1d_rotary_pos_embed` in f64.
    static func rotaryAngle(_ coordinate: Float, pair: Int, width: Int, base: Double) -> Double {
        Double(coordinate) * (1 / pow(base, Double(2 * pair) / Double(width)))
    }

    /// Heads of `2 · pairs` numbers; each token has its coordinates.
    static func rotate(_ x: [Float], heads: Int, positions: [[Float]], widths: [Int], base: Double) -> [Float] {
        var result = x
        let size = widths.reduce(0, +)
        for row in 0..<x.count / (heads * size) {
            for head in 0..<heads {
                var place = (row * heads + head) * size
                for (coordinate, width) in zip(positions[row % positions.count], widths) {
                    for pair in 0..<width / 2 {
                        let angle = rotaryAngle(coordinate, pair: pair, width: width, base: base)
                        let (a, b) = (Double(x[place]), Double(x[place + 1]))
                        result[place] = Float(a * cos(angle) - b * sin(angle))
                        result[place + 1] = Float(b * cos(angle) + a * sin(angle))
                        place += 2
                    }
                }
            }
        }
        return result
    }

    /// T5's class of the distance from a query to a key: half of the classes are for keys that come after; half of each half for one distance
    /// each, the rest for ranges that grow.
    ///
    /// Reference: transformers 5.23, models/t5/modeling_t5.py, `_relative_position_bucket`, in f32.
    static func relativePositionBucket(_ distance: Int, buckets: Int, reach: Int) -> Int {
        let half = buckets / 2
        let side = distance > 0 ? half : 0
        let (magnitude, single) = (distance.magnitude, half / 2)
        if magnitude < single { return side + Int(magnitude) }
        let growth = logf(Float(magnitude) / Float(single)) / Float(log(Double(reach) / Double(single))) * Float(half - single)
        return side + min(half - 1, single + Int(growth))
    }

    /// Squares of `side` pixels as tokens.
    static func patchify(
        _ x: [Float], images: Int, height: Int, width: Int, channels: Int, side: Int, _ order: Computation.PatchOrder
    ) -> [Float] {
        var result: [Float] = []
        func pixel(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> Float {
            x[((image * height + row) * width + column) * channels + channel]
        }
        for image in 0..<images {
            for row in stride(from: 0, to: height, by: side) {
                for column in stride(from: 0, to: width, by: side) {
                    switch order {
                    case .channelsFirst:
                        for channel in 0..<channels {
                            for y in 0..<side { for x in 0..<side { result.append(pixel(image, row + y, column + x, channel)) } }
                        }
                    case .channelsLast:
                        for y in 0..<side {
                            for x in 0..<side {
                                for channel in 0..<channels { result.append(pixel(image, row + y, column + x, channel)) }
                            }
                        }
                    }
                }
            }
        }
        return result
    }
}
