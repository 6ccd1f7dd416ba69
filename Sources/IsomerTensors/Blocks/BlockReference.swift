/// Block types element by element: slow, readable, and what the fast kernels are held to.
///
/// Every operation on `Float` is rounded by itself and sums run in the elements' order, so that the results are defined to the last bit.
///
/// Reference: ggml-org/ggml, src/ggml-quants.c (v0.13.1), `quantize_row_*_ref` and `dequantize_row_*`.
enum BlockReference {
    /// The blocks of `elements`, which fill whole ones; `nil` for types that are only read.
    static func blocks(of elements: [Float], as type: ScalarType) -> [UInt8]? {
        let size = type.group.elementCount
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: elements.count, by: size) {
            let x = Array(elements[start..<start + size])
            switch type {
            case .q8_0: bytes += q8_0(x)
            case .q4_0: bytes += symmetric(x, levels: 16)
            case .q5_0: bytes += symmetric(x, levels: 32)
            case .q4_1: bytes += affine(x, levels: 16)
            case .q5_1: bytes += affine(x, levels: 32)
            case .q4K: bytes += q4K(x)
            case .q6K: bytes += q6K(x)
            default: return nil
            }
        }
        return bytes
    }

    // MARK: Blocks of 32

    /// The greatest magnitude becomes ±127; halves are rounded away from zero.
    private static func q8_0(_ x: [Float]) -> [UInt8] {
        let scale = x.reduce(0) { max($0, abs($1)) } / 127
        let inverse = scale != 0 ? 1 / scale : 0
        return half(scale) + x.map { UInt8(bitPattern: Int8(($0 * inverse).rounded(.toNearestOrAwayFromZero))) }
    }

    /// The element of the greatest magnitude becomes the lowest level, so that its sign is in the scale.
    private static func symmetric(_ x: [Float], levels: Int) -> [UInt8] {
        var extreme: Float = 0
        for value in x where abs(value) > abs(extreme) { extreme = value }
        let middle = Float(levels / 2)
        let scale = extreme / -middle
        let inverse = scale != 0 ? 1 / scale : 0
        return half(scale) + packed(x.map { min(levels - 1, Int($0 * inverse + (middle + 0.5))) }, levels: levels)
    }

    /// Levels from the least to the greatest element.
    private static func affine(_ x: [Float], levels: Int) -> [UInt8] {
        var least = Float.greatestFiniteMagnitude
        var most = -least
        for value in x {
            if value < least { least = value }
            if value > most { most = value }
        }
        let scale = (most - least) / Float(levels - 1)
        let inverse = scale != 0 ? 1 / scale : 0
        let numbers = x.map { levels == 16 ? min(15, Int(($0 - least) * inverse + 0.5)) : Int(($0 - least) * inverse + 0.5) }
        return half(scale) + half(least) + packed(numbers, levels: levels)
    }

    /// The fifth bits of 32 numbers in a word, if they have five, then element `i` and `i + 16` in one byte.
    private static func packed(_ numbers: [Int], levels: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if levels == 32 {
            let word = numbers.enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element >> 4 & 1) << UInt32($1.offset) }
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
        }
        return bytes + (0..<16).map { UInt8(numbers[$0] & 15 | (numbers[$0 + 16] & 15) << 4) }
    }

    // MARK: Blocks of 256

    /// Eight parts of 32, each with a scale and an offset that are themselves numbers of six bits.
    private static func q4K(_ x: [Float]) -> [UInt8] {
        let parts = (0..<8).map { Array(x[$0 * 32..<$0 * 32 + 32]) }
        let fits = parts.map(fitAffine)
        let mostScale = fits.reduce(0) { $1.scale > $0 ? $1.scale : $0 }
        let mostOffset = fits.reduce(0) { $1.offset > $0 ? $1.offset : $0 }
        let scales = fits.map { min(63, nearest((mostScale > 0 ? 63 / mostScale : 0) * $0.scale) & 255) }
        let offsets = fits.map { min(63, nearest((mostOffset > 0 ? 63 / mostOffset : 0) * $0.offset) & 255) }
        let scaleBytes = half(mostScale / 63)
        let offsetBytes = half(mostOffset / 63)

        var numbers: [Int] = []
        for (index, part) in parts.enumerated() {
            let scale = value(scaleBytes) * Float(scales[index])
            let offset = value(offsetBytes) * Float(offsets[index])
            // Where the scale is lost the numbers stay as the search had them.
            numbers += scale == 0 ? fits[index].numbers : part.map { min(15, max(0, nearest(($0 + offset) / scale))) }
        }
        var sixes: [Int] = []
        for part in 0..<4 { sixes.append(scales[part] | (scales[part + 4] >> 4) << 6) }
        for part in 0..<4 { sixes.append(offsets[part] | (offsets[part + 4] >> 4) << 6) }
        for part in 4..<8 { sixes.append(scales[part] & 15 | (offsets[part] & 15) << 4) }
        let low: [Int] = (0..<128).map { i in
            let first = i / 32 * 64 + i % 32
            return numbers[first] | numbers[first + 32] << 4
        }
        return scaleBytes + offsetBytes + (sixes + low).map(UInt8.init)
    }

    /// `make_qkx2_quants`: the best of 22 candidates by weighted square error.
    private static func fitAffine(_ x: [Float]) -> (scale: Float, offset: Float, numbers: [Int]) {
        let mean = (x.reduce(0) { $0 + $1 * $1 } / 32).squareRoot()
        let weights = x.map { mean + abs($0) }
        var least = x[0]
        var most = x[0]
        var weightSum = weights[0]
        var elementSum = weights[0] * x[0]
        for i in 1..<32 {
            if x[i] < least { least = x[i] }
            if x[i] > most { most = x[i] }
            weightSum += weights[i]
            elementSum += weights[i] * x[i]
        }
        if least > 0 { least = 0 }
        guard most != least else { return (0, -least, [Int](repeating: 0, count: 32)) }

        func rounded(_ inverse: Float) -> [Int] { x.map { min(15, max(0, nearest(inverse * ($0 - least)))) } }
        func error(_ numbers: [Int], _ scale: Float, _ least: Float) -> Float {
            var sum: Float = 0
            for i in 0..<32 {
                let difference = scale * Float(numbers[i]) + least - x[i]
                sum += weights[i] * (difference * difference)
            }
            return sum
        }
        var scale = 1 / (15 / (most - least))
        var numbers = rounded(15 / (most - least))
        var best = error(numbers, scale, least)
        for step in 0...20 {
            let trial = rounded((-1 + 0.1 * Float(step) + 15) / (most - least))
            var sum: Float = 0
            var squares: Float = 0
            var products: Float = 0
            for i in 0..<32 {
                let number = Float(trial[i])
                sum += weights[i] * number
                squares += weights[i] * number * number
                products += weights[i] * number * x[i]
            }
            let determinant = weightSum * squares - sum * sum
            guard determinant > 0 else { continue }
            var trialScale = (weightSum * products - elementSum * sum) / determinant
            var trialLeast = (squares * elementSum - sum * products) / determinant
            if trialLeast > 0 {
                trialLeast = 0
                trialScale = products / squares
            }
            let trialError = error(trial, trialScale, trialLeast)
            if trialError < best { (best, numbers, scale, least) = (trialError, trial, trialScale, trialLeast) }
        }
        return (scale, -least, numbers)
    }

    /// Sixteen parts of 16, each with a scale that is itself a number of eight bits.
    private static func q6K(_ x: [Float]) -> [UInt8] {
        let parts = (0..<16).map { Array(x[$0 * 16..<$0 * 16 + 16]) }
        let fits = parts.map(fitSymmetric)
        var extreme: Float = 0
        for fit in fits where abs(fit.scale) > abs(extreme) { extreme = fit.scale }
        guard abs(extreme) >= 1e-15 else { return [UInt8](repeating: 0, count: 210) }
        let factor = -128 / extreme
        let scaleBytes = half(1 / factor)
        let scales = fits.map { min(127, nearest(factor * $0.scale)) }
        var numbers: [Int] = []
        for (index, part) in parts.enumerated() {
            let scale = value(scaleBytes) * Float(scales[index])
            numbers += scale == 0 ? fits[index].numbers : part.map { min(31, max(-32, nearest($0 / scale))) + 32 }
        }
        var low: [Int] = []
        var high: [Int] = []
        for half in [0, 128] {
            let q = Array(numbers[half..<half + 128])
            low += (0..<64).map { q[$0] & 15 | (q[$0 + 64] & 15) << 4 }
            for i in 0..<32 { high.append((0..<4).reduce(0) { bits, pair in bits | (q[i + 32 * pair] >> 4) << (2 * pair) }) }
        }
        return (low + high).map(UInt8.init) + scales.map { UInt8(truncatingIfNeeded: $0) } + scaleBytes
    }

    /// `make_qx_quants`: the best of 19 candidates by square error weighted with the squares.
    private static func fitSymmetric(_ x: [Float]) -> (scale: Float, numbers: [Int]) {
        var extreme: Float = 0
        for value in x where abs(value) > abs(extreme) { extreme = value }
        guard abs(extreme) >= 1e-15 else { return (0, [Int](repeating: 0, count: 16)) }
        var found: (scale: Float, numbers: [Int]) = (0, [])
        var best: Float = 0
        for step in [0] + (-9...9).filter({ $0 != 0 }) {
            let inverse = -(32 + 0.1 * Float(step)) / extreme
            let numbers = x.map { min(31, max(-32, nearest(inverse * $0))) }
            var products: Float = 0
            var squares: Float = 0
            for i in 0..<16 {
                let weight = x[i] * x[i]
                products += weight * x[i] * Float(numbers[i])
                squares += weight * Float(numbers[i]) * Float(numbers[i])
            }
            guard step == 0 || squares > 0 && products * products > best * squares else { continue }
            let scale = squares > 0 ? products / squares : 0
            best = scale * products
            found = (scale, numbers.map { $0 + 32 })
        }
        return found
    }

    // MARK: Values

    /// The elements of `blocks`.
    static func elements(of blocks: [UInt8], _ type: ScalarType) -> [Float] {
        let size = type.group.byteCount
        return stride(from: 0, to: blocks.count, by: size).flatMap { elements(inBlock: Array(blocks[$0..<$0 + size]), type) }
    }

    private static func elements(inBlock b: [UInt8], _ type: ScalarType) -> [Float] {
        /// Element `i`'s bits in bytes that hold 32 elements' in their lower bits, then 32 others' in the next.
        func bits(_ width: Int, of i: Int, from start: Int) -> Int {
            let run = 32 * 8 / width
            return Int(b[start + i / run * 32 + i % 32]) >> (i % run / 32 * width) & (1 << width - 1)
        }
        func nibble(_ i: Int, from start: Int) -> Int { Int(b[start + i % 16]) >> (i / 16 * 4) & 15 }
        func sixes(_ part: Int, from start: Int) -> (scale: Float, offset: Float) {
            let s = b[start..<start + 12].map(Int.init)
            if part < 4 { return (Float(s[part] & 63), Float(s[part + 4] & 63)) }
            return (Float(s[part + 4] & 15 | (s[part - 4] >> 6) << 4), Float(s[part + 4] >> 4 | (s[part] >> 6) << 4))
        }
        func half(at offset: Int) -> Float { value([b[offset], b[offset + 1]]) }
        switch type {
        case .q8_0: return b[2...].map { Float(Int8(bitPattern: $0)) * half(at: 0) }
        case .q4_0: return (0..<32).map { Float(nibble($0, from: 2) - 8) * half(at: 0) }
        case .q4_1: return (0..<32).map { Float(nibble($0, from: 4)) * half(at: 0) + half(at: 2) }
        case .q5_0:
            return (0..<32).map { Float((nibble($0, from: 6) | Int(b[2 + $0 / 8] >> ($0 % 8) & 1) << 4) - 16) * half(at: 0) }
        case .q5_1:
            return (0..<32).map { Float(nibble($0, from: 8) | Int(b[4 + $0 / 8] >> ($0 % 8) & 1) << 4) * half(at: 0) + half(at: 2) }
        case .q2K:
            return (0..<256).map { i in
                let scale = b[i / 16]
                return half(at: 80) * Float(scale & 15) * Float(bits(2, of: i, from: 16)) - half(at: 82) * Float(scale >> 4)
            }
        case .q3K:
            return (0..<256).map { i in
                let part = i / 16
                let scale = Int(b[96 + part % 8] >> (part / 8 * 4) & 15) | Int(b[104 + part % 4] >> (part / 4 * 2) & 3) << 4
                let number = bits(2, of: i, from: 32) - (bits(1, of: i, from: 0) == 1 ? 0 : 4)
                return half(at: 108) * Float(scale - 32) * Float(number)
            }
        case .q4K:
            return (0..<256).map { i in
                let (scale, offset) = sixes(i / 32, from: 4)
                return half(at: 0) * scale * Float(bits(4, of: i, from: 16)) - half(at: 2) * offset
            }
        case .q5K:
            return (0..<256).map { i in
                let (scale, offset) = sixes(i / 32, from: 4)
                let number = bits(4, of: i, from: 48) + bits(1, of: i, from: 16) * 16
                return half(at: 0) * scale * Float(number) - half(at: 2) * offset
            }
        case .q6K:
            return (0..<256).map { i in
                // Each half has 64 bytes of low bits: 64 elements from the lower nibbles, then 64 from the upper.
                let low = Int(b[i / 128 * 64 + i % 64]) >> (i % 128 / 64 * 4) & 15
                let number = low | bits(2, of: i, from: 128) << 4
                return half(at: 208) * Float(Int8(bitPattern: b[192 + i / 16])) * Float(number - 32)
            }
        default: return []
        }
    }

    // MARK: Numbers

    private static func half(_ value: Float) -> [UInt8] {
        let bits = Float16(value).bitPattern
        return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
    }

    private static func value(_ half: [UInt8]) -> Float { Float(Float16(bitPattern: UInt16(half[0]) | UInt16(half[1]) << 8)) }

    /// Ties to even, by way of the lowest bits of a number near 1.5 × 2^23: right for magnitudes up to 2^22 and wrong in ggml's way beyond.
    private static func nearest(_ value: Float) -> Int { Int((value + 12_582_912).bitPattern & 0x7F_FFFF) - 0x40_0000 }
}
