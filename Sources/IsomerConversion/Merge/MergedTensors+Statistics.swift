import IsomerArchitectures
import IsomerBytes
import IsomerTensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension MergedTensors {
    private static let statisticsAtOnce = 128 << 10

    /// The weights by which two tensors, taken as directions, are mixed at `share` of the angle between them.
    ///
    /// Nearly parallel ones, and ones without length, are mixed in a straight line.
    /// Reference: arcee-ai/mergekit, mergekit/merge_methods/slerp.py.
    func sphericalWeights(_ index: Int, _ share: Float) throws(IsomerError) -> [Float] {
        let inputs = recipes[index].inputs
        let straight = [1 - share, share]
        guard inputs.count == 2, inputs[0].columns == inputs[1].columns else { return straight }
        let count = tensors[index].shape.elementCount
        let a = FloatBuffer(count: Self.statisticsAtOnce)
        let b = FloatBuffer(count: Self.statisticsAtOnce)
        var (product, left, right) = (0.0, 0.0, 0.0)
        for start in stride(from: 0, to: count, by: Self.statisticsAtOnce) {
            let range = start..<min(count, start + Self.statisticsAtOnce)
            try inputs[0].source.floats(of: inputs[0].index, range, into: a.values)
            try inputs[1].source.floats(of: inputs[1].index, range, into: b.values)
            product += try WeightArithmetic.dot(a.values, b.values, count: range.count)
            left += try WeightArithmetic.dot(a.values, a.values, count: range.count)
            right += try WeightArithmetic.dot(b.values, b.values, count: range.count)
        }
        let lengths = (left * right).squareRoot()
        guard lengths > 0, lengths.isFinite else { return straight }
        let cosine = min(1, max(-1, product / lengths))
        guard abs(cosine) <= 0.9995 else { return straight }
        let angle = acos(cosine)
        let part = angle * Double(share)
        return [Float(sin(angle - part) / sin(angle)), Float(sin(part) / sin(angle))]
    }

    /// For each model but the first, the size that the largest `density` of its changes have at least.
    ///
    /// Exact: sizes are counted by the upper half of their bits, then those in the deciding class by the lower.
    func thresholds(_ index: Int, _ density: Double) throws(IsomerError) -> [Float] {
        let inputs = recipes[index].inputs
        let count = tensors[index].shape.elementCount
        let kept = Int((Double(count) * density).rounded(.down))
        var found: [Float] = []
        for input in inputs.dropFirst() {
            guard kept < count else {
                found.append(0)
                continue
            }
            guard kept > 0 else {
                found.append(.infinity)
                continue
            }
            var missing = kept
            let upper = try histogram(index, inputs[0], input, bins: 1 << 16) { Int($0 >> 15) }
            let top = Self.bin(holding: &missing, upper)
            let lower = try histogram(index, inputs[0], input, bins: 1 << 15) { $0 >> 15 == UInt32(top) ? Int($0 & 0x7FFF) : nil }
            let low = Self.bin(holding: &missing, lower)
            found.append(Float(bitPattern: UInt32(top) << 15 | UInt32(low)))
        }
        return found
    }

    /// The bin, counted from the top, in which element number `missing` lies, and how many are missing of it.
    private static func bin(holding missing: inout Int, _ bins: [Int]) -> Int {
        for bin in bins.indices.reversed() {
            if bins[bin] >= missing { return bin }
            missing -= bins[bin]
        }
        return 0
    }

    private func histogram(
        _ index: Int, _ base: Input, _ input: Input, bins: Int, _ bin: (UInt32) -> Int?
    ) throws(IsomerError) -> [Int] {
        let count = tensors[index].shape.elementCount
        let a = FloatBuffer(count: Self.statisticsAtOnce)
        let b = FloatBuffer(count: Self.statisticsAtOnce)
        var counts = [Int](repeating: 0, count: bins)
        for start in stride(from: 0, to: count, by: Self.statisticsAtOnce) {
            let range = start..<min(count, start + Self.statisticsAtOnce)
            try base.source.floats(of: base.index, range, into: a.values)
            try input.source.floats(of: input.index, range, into: b.values)
            for i in 0..<range.count {
                let size = (b.values[i] - a.values[i]).bitPattern & 0x7FFF_FFFF
                if let bin = bin(size) { counts[bin] += 1 }
            }
        }
        return counts
    }
}
