internal import CKernels
public import IsomerBytes

/// Extremes, mean, spread, counts of special values and a histogram of a tensor's elements, gathered range by range.
///
/// Workers may share a tensor out: each updates statistics of its own, and `merge` joins them. The result does not depend on who did what
/// or in which order, to the last bit, as long as every range starts at a multiple of `blockElementCount` elements: within such a block
/// numbers are added in a fixed order in binary64, and the blocks' sums are added without rounding.
/// A complex number counts as two elements. Integers beyond 2^53 are rounded to binary64.
public struct TensorStatistics: Hashable, Sendable {
    /// Ranges start at multiples of this many elements.
    public static let blockElementCount = 1024

    /// The type of the elements.
    public let scalarType: ScalarType
    /// Elements seen.
    public private(set) var elementCount: UInt64 = 0
    public private(set) var nanCount: UInt64 = 0
    public private(set) var infinityCount: UInt64 = 0
    /// Zeros of either sign.
    public private(set) var zeroCount: UInt64 = 0
    /// Numbers other than zero below the least normal number of the type.
    public private(set) var subnormalCount: UInt64 = 0

    private var least = Double.infinity
    private var greatest = -Double.infinity
    private var sum = ExactSum()
    private var sumOfSquares = ExactSum()
    /// Counts by the upper bits of the element as an f32: sign, exponent, four bits of mantissa.
    private(set) var bins = [UInt64](repeating: 0, count: Int(ISOMER_HISTOGRAM_BINS))

    /// Throws `unsupported` for quantized types, whose elements have no value of their own.
    public init(of scalarType: ScalarType) throws(IsomerError) {
        guard scalarType.hasValues else {
            throw IsomerError(.unsupported, "quantized elements have no statistics", found: scalarType.rawValue)
        }
        self.scalarType = scalarType
    }

    /// Counts in the elements of `bytes`. Throws `usage` if the bytes do not hold whole elements.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(IsomerError) {
        try update(bytes, level: .current)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer, level: KernelLevel) throws(IsomerError) {
        let below = scalarType.leastNormal
        try forEachBlock(of: scalarType, bytes, level: level) { block in
            var found = isomer_block_statistics()
            bins.withUnsafeMutableBufferPointer { bins in
                // SAFETY: the array has ISOMER_HISTOGRAM_BINS counters.
                isomer_statistics(level.native, block.baseAddress, block.count, below, &found, bins.baseAddress)
            }
            elementCount &+= UInt64(block.count)
            nanCount &+= found.nan
            infinityCount &+= found.infinite
            zeroCount &+= found.zero
            subnormalCount &+= found.subnormal
            least = min(least, found.minimum)
            greatest = max(greatest, found.maximum)
            sum += found.sum
            sumOfSquares += found.sum_of_squares
        }
    }

    /// Adds what another worker saw. The types must be the same.
    public mutating func merge(_ other: TensorStatistics) {
        elementCount &+= other.elementCount
        nanCount &+= other.nanCount
        infinityCount &+= other.infinityCount
        zeroCount &+= other.zeroCount
        subnormalCount &+= other.subnormalCount
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
        sum += other.sum
        sumOfSquares += other.sumOfSquares
        for index in bins.indices { bins[index] &+= other.bins[index] }
    }
}

extension TensorStatistics {
    /// Elements that are neither NaN nor infinite. The figures below are about these, and `nil` if there are none.
    public var finiteCount: UInt64 { elementCount &- nanCount &- infinityCount }

    public var minimum: Double? { finiteCount > 0 ? least + 0 : nil }

    public var maximum: Double? { finiteCount > 0 ? greatest + 0 : nil }

    public var mean: Double? {
        guard finiteCount > 0 else { return nil }
        return least == greatest ? least + 0 : sum.value / Double(finiteCount)
    }

    /// The population's: the root of the mean square distance from the mean.
    public var standardDeviation: Double? {
        guard let mean else { return nil }
        guard least < greatest else { return 0 }
        return max(sumOfSquares.value / Double(finiteCount) - mean * mean, 0).squareRoot()
    }

    /// Counts of finite elements between `lowerBound` and `upperBound` in buckets of equal width.
    public struct Histogram: Hashable, Sendable {
        public var lowerBound: Double
        public var upperBound: Double
        public var counts: [Double]
    }

    /// How the finite elements are spread from the minimum to the maximum.
    ///
    /// The elements were counted in bins a sixteenth of a binade wide; a bin that reaches over several buckets is shared out evenly.
    /// Counts are therefore fractions, and add up to `finiteCount`. `nil` if no element is finite.
    public func histogram(bucketCount: Int) -> Histogram? {
        guard let minimum, let maximum, bucketCount > 0 else { return nil }
        var counts = [Double](repeating: 0, count: bucketCount)
        guard minimum < maximum else {
            counts[bucketCount / 2] = Double(finiteCount)
            return Histogram(lowerBound: minimum, upperBound: maximum, counts: counts)
        }
        // Halves, because the whole width may be beyond the largest number.
        let width = maximum / 2 - minimum / 2
        func position(_ value: Double) -> Double {
            (min(max(value, minimum), maximum) / 2 - minimum / 2) / width * Double(bucketCount)
        }
        for (bin, count) in bins.enumerated() where count > 0 {
            guard let range = Self.range(ofBin: bin) else { continue }
            let start = position(range.lowerBound)
            let end = position(range.upperBound)
            let first = min(Int(start), bucketCount - 1)
            let last = min(Int(end), bucketCount - 1)
            guard first < last, end > start else {
                counts[first] += Double(count)
                continue
            }
            for bucket in first...last {
                let share = min(end, Double(bucket + 1)) - max(start, Double(bucket))
                counts[bucket] += Double(count) * max(share, 0) / (end - start)
            }
        }
        return Histogram(lowerBound: minimum, upperBound: maximum, counts: counts)
    }

    /// The numbers that are counted in `bin`, or `nil` if that is what is not finite.
    private static func range(ofBin bin: Int) -> ClosedRange<Double>? {
        let shift = UInt32(32 - ISOMER_HISTOGRAM_BITS)
        let signBin = Int(ISOMER_HISTOGRAM_BINS) / 2
        let magnitude = UInt32(bin % signBin) << shift
        let infinity: UInt32 = 0x7F80_0000
        guard magnitude <= infinity else { return nil }
        let low = Double(Float(bitPattern: magnitude))
        // The bin of f32's infinity has the finite numbers beyond f32's range; the caller clamps to the extremes seen.
        let high = magnitude + 1 << shift >= infinity ? Double.infinity : Double(Float(bitPattern: magnitude + 1 << shift))
        let lowest = magnitude == infinity ? Double(Float.greatestFiniteMagnitude) : low
        return bin < signBin ? lowest...high : -high...(-lowest)
    }
}
