import IsomerBytes
import IsomerTensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Along which axis of a square projection its inputs lie. Names and shapes do not tell, and tools have stored some the wrong way round.
enum ProjectionOrientation {
    /// Widths of projections that are looked at: what fits in memory.
    static let widths = 2...4096

    /// How strongly the lengths of a projection's vectors go with the strengths of the channels that enter it, for either axis.
    ///
    /// A last norm with gains γ and biases β gives out channels with mean squares γ² + β². Training fits what a projection does with a channel
    /// to that channel, up or down; the axis of the outputs is any basis at all and knows nothing of channels. So ranks are correlated along
    /// the axis of the inputs, and along the other one only by chance, and of chance the distribution is known: Spearman's coefficient, by
    /// Fisher's transformation, is a normal variable of variance 1.06 / (n − 3).
    // Reference: E. C. Fieller, H. O. Hartley, E. S. Pearson, "Tests for rank correlation coefficients", Biometrika 44, 1957.
    struct Evidence: Hashable {
        /// In standard deviations of chance, for the axis along which inputs should lie.
        var along: Double
        /// The same for the other axis.
        var across: Double

        /// Chance gets so far once in half a milliard.
        static let least = 6.0

        /// Whether the inputs lie along the wrong axis.
        var isTurned: Bool { abs(across) >= Self.least && abs(along) < abs(across) / 2 }

        /// - Parameters:
        ///   - strengths: mean squares of the channels.
        ///   - right: squared lengths of the matrix's vectors, one for each place on the axis of the inputs.
        ///   - wrong: those of the other axis.
        init(_ strengths: [Double], right: [Double], wrong: [Double]) {
            func deviations(_ lengths: [Double]) -> Double {
                let coefficient = rankCorrelation(strengths, lengths)
                return atanh(max(-0.999_999, min(0.999_999, coefficient))) * (Double(max(4, lengths.count) - 3) / 1.06).squareRoot()
            }
            along = deviations(right)
            across = deviations(wrong)
        }
    }

    /// What lies between two projections as they are, and with the second one turned, both as shares of the first one's length.
    struct Distances: Hashable {
        var asTheyAre: Double
        var turned: Double

        /// Models of one ancestor are near each other; two matrices that have nothing to do with each other are about as far apart either way.
        var isTurned: Bool { turned < asTheyAre / 2 }

        /// For `width` × `width` numbers each.
        init(_ first: UnsafeMutableBufferPointer<Float>, _ second: UnsafeMutableBufferPointer<Float>, width: Int) {
            var (length, straight, crossed) = (0.0, 0.0, 0.0)
            for row in 0..<width {
                for column in 0..<width {
                    let value = Double(first[row * width + column])
                    let (same, other) = (
                        value - Double(second[row * width + column]), value - Double(second[column * width + row])
                    )
                    length += value * value
                    straight += same * same
                    crossed += other * other
                }
            }
            asTheyAre = length > 0 ? (straight / length).squareRoot() : 0
            turned = length > 0 ? (crossed / length).squareRoot() : 0
        }
    }
}

/// Spearman's: outliers count no more than others. Equal values get the mean of their ranks.
private func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double {
    func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var result = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in order[start..<end] { result[place] = Double(start + end - 1) / 2 }
            start = end
        }
        return result
    }
    let (x, y) = (ranks(a), ranks(b))
    let mean = Double(x.count - 1) / 2
    var (product, left, right) = (0.0, 0.0, 0.0)
    for (p, q) in zip(x, y) {
        product += (p - mean) * (q - mean)
        left += (p - mean) * (p - mean)
        right += (q - mean) * (q - mean)
    }
    return left > 0 && right > 0 ? product / (left * right).squareRoot() : 0
}
