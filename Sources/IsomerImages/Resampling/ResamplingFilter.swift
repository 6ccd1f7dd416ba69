#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How pixels are weighed when a picture changes its size. All but `nearest` widen when a picture shrinks, so that nothing is skipped.
public enum ResamplingFilter: String, Hashable, Sendable, CaseIterable {
    case nearest, box, bilinear, hamming, bicubic, lanczos
    /// Plain averages of what each new pixel covers, as OpenCV's `INTER_AREA`.
    case area

    /// Whether it is a pass along rows and one along columns.
    var isSeparable: Bool { self != .nearest && self != .area }

    /// Half the filter's width in pixels of the larger side.
    var support: Double {
        switch self {
        case .nearest, .area: 0
        case .box: 0.5
        case .bilinear, .hamming: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The weight at distance `x`.
    ///
    /// Reference: Pillow 13.0.0, src/libImaging/Resample.c. The Hamming window's constants are single precision there too.
    func weight(_ x: Double) -> Double {
        switch self {
        case .nearest, .area: return 0
        case .box: return x > -0.5 && x <= 0.5 ? 1 : 0
        case .bilinear:
            let d = abs(x)
            return d < 1 ? 1 - d : 0
        case .hamming:
            let d = abs(x)
            if d == 0 { return 1 }
            if d >= 1 { return 0 }
            let angle = d * Double.pi
            return sin(angle) / angle * (Double(Float(0.54)) + Double(Float(0.46)) * cos(angle))
        case .bicubic:
            let a = -0.5
            let d = abs(x)
            if d < 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
            if d < 2 { return (((d - 5) * d + 8) * d - 4) * a }
            return 0
        case .lanczos:
            return x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double {
        if x == 0 { return 1 }
        let angle = x * Double.pi
        return sin(angle) / angle
    }
}

/// Which weights each sample of one axis gives to which input samples.
struct AxisFilter {
    /// Per output: the first input sample, how many, and their weights, which sum to one.
    var first: [Int32] = []
    var count: [Int32] = []
    /// `capacity` weights per output.
    var weights: [Double] = []
    let capacity: Int

    /// Reference: Pillow 13.0.0, `precompute_coeffs`. The box's ends are single precision, and so is their difference; the rest is double.
    init(_ filter: ResamplingFilter, input: Int, from start: Float, to end: Float, outputs: Int) {
        let scale = Double(end - start) / Double(outputs)
        let widening = max(scale, 1)
        let support = filter.support * widening
        capacity = Int(support.rounded(.up)) * 2 + 1
        first.reserveCapacity(outputs)
        count.reserveCapacity(outputs)
        weights = [Double](repeating: 0, count: capacity * outputs)
        let narrowing = 1 / widening
        for output in 0..<outputs {
            let centre = Double(start) + (Double(output) + 0.5) * scale
            let low = max(0, Int(centre - support + 0.5))
            let high = max(low, min(input, Int(centre + support + 0.5)))
            let base = output * capacity
            var sum = 0.0
            for t in 0..<min(high - low, capacity) {
                let weight = filter.weight((Double(t + low) - centre + 0.5) * narrowing)
                weights[base + t] = weight
                sum += weight
            }
            if sum != 0 { for t in 0..<min(high - low, capacity) { weights[base + t] /= sum } }
            first.append(Int32(clamping: low))
            count.append(Int32(clamping: min(high - low, capacity)))
        }
    }

    var outputs: Int { first.count }

    /// Input samples that any output uses.
    var inputRange: Range<Int> {
        let start = Int(first.first ?? 0)
        let end = Int(first.last ?? 0) + Int(count.last ?? 0)
        return start..<max(start, end)
    }

    /// A weight as an integer with 22 fraction bits, halves away from zero.
    static func fixed(_ weight: Double) -> Int32 {
        Int32(weight < 0 ? weight * 4_194_304 - 0.5 : weight * 4_194_304 + 0.5)
    }

    /// The same for an input of which `offset` samples are put before the first.
    func shifted(by offset: Int) -> AxisFilter {
        var filter = self
        for i in filter.first.indices { filter.first[i] = Int32(clamping: Int(first[i]) + offset) }
        return filter
    }

    /// The same for an input of `length` samples that comes from its end, and so do the outputs.
    func reversed(length: Int) -> AxisFilter {
        var filter = self
        filter.count = count.reversed()
        for output in 0..<outputs {
            let own = outputs - 1 - output
            let taps = Int(count[own])
            filter.first[output] = Int32(clamping: length - Int(first[own]) - taps)
            for t in 0..<taps { filter.weights[output * capacity + t] = weights[own * capacity + taps - 1 - t] }
            for t in taps..<capacity { filter.weights[output * capacity + t] = 0 }
        }
        return filter
    }
}
