internal import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How much each part of a picture draws the eye, 0 to 1, on a small grid.
///
/// Three measures that fail in different ways are added: colours that the picture's borders do not have, places that differ from their
/// surroundings, and what an average picture's spectrum would not predict.
struct SaliencyMap {
    let width: Int
    let height: Int
    /// Pixels of the picture per cell, both ways.
    let scale: (x: Double, y: Double)
    private(set) var values: [Float]

    /// The longer side of the grid.
    private static let side = 128

    /// Of a small copy, in colour, of a picture of the given size.
    init(_ overview: Bitmap, of original: PixelSize) throws(IsomerError) {
        let size = PictureOverview.fitted(original, into: Self.side)
        let small = try overview.resampled(to: size, filter: .box)
        width = size.width
        height = size.height
        scale = (Double(original.width) / Double(width), Double(original.height) / Double(height))
        let planes = Self.opponentColours(small)
        var sum = [Float](repeating: 0, count: width * height)
        let measures = [
            Self.borderContrast(planes, width, height), Self.centreSurround(planes, width, height),
            try Self.spectralResidual(small),
        ]
        for measure in measures {
            let top = Self.quantile(measure, 0.99)
            guard top > 0 else { continue }
            for i in sum.indices { sum[i] += min(1, measure[i] / top) }
        }
        // Squared, so that what all three see outweighs much that only one sees.
        values = sum.map { $0 * $0 / 9 }
    }

    /// Lightness, red against green, and blue against yellow: roughly even steps to the eye.
    ///
    /// Reference: CIE 1976 L*a*b* under D65.
    private static func opponentColours(_ picture: Bitmap) -> [[Float]] {
        let linear: [Float] = (0..<256).map { step in
            let x = Double(step) / 255
            return Float(x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4))
        }
        func root(_ t: Float) -> Float { t > 0.008856 ? cbrtf(t) : 7.787 * t + 16 / 116 }
        var planes = [[Float]](repeating: [], count: 3)
        for i in planes.indices { planes[i].reserveCapacity(picture.width * picture.height) }
        let bytes = picture.bytes
        for i in stride(from: 0, to: bytes.count - 2, by: 3) {
            let (r, g, b) = (linear[Int(bytes[i])], linear[Int(bytes[i + 1])], linear[Int(bytes[i + 2])])
            let x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
            let y = root(0.2126 * r + 0.7152 * g + 0.0722 * b)
            let z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
            planes[0].append(116 * y - 16)
            planes[1].append(500 * (x - y))
            planes[2].append(200 * (y - z))
        }
        return planes
    }

    /// How unlike each cell is to the borders: the distance from each side's colours in units of their own spread. A subject may touch one
    /// side, which then knows its colours; so the closest side is left out where two others agree.
    private static func borderContrast(_ planes: [[Float]], _ width: Int, _ height: Int) -> [Float] {
        let band = max(1, Int(Double(min(width, height)) * 0.08))
        let sides: [(x: Range<Int>, y: Range<Int>)] = [
            (0..<width, 0..<min(band, height)), (0..<width, max(0, height - band)..<height),
            (0..<min(band, width), 0..<height), (max(0, width - band)..<width, 0..<height),
        ]
        // The two smallest distances of each cell so far.
        var least = [Float](repeating: .infinity, count: width * height)
        var second = least
        for side in sides {
            var mean: SIMD3<Double> = .zero
            var products: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>) = (.zero, .zero, .zero)
            var count = 0.0
            for y in side.y {
                for x in side.x {
                    let colour = colour(planes, y * width + x)
                    mean += colour
                    products.0 += colour[0] * colour
                    products.1 += colour[1] * colour
                    products.2 += colour[2] * colour
                    count += 1
                }
            }
            mean /= count
            // A flat border still has noise: six steps of each colour.
            let noise = 36.0
            var covariance: [Double] = []
            for (i, row) in [products.0, products.1, products.2].enumerated() {
                for j in 0..<3 { covariance.append(row[j] / count - mean[i] * mean[j] + (i == j ? noise : 0)) }
            }
            guard let inverse = invert(covariance) else {
                return [Float](repeating: 0, count: width * height)
            }
            let first = SIMD3(inverse[0], inverse[1], inverse[2])
            let middle = SIMD3(inverse[3], inverse[4], inverse[5])
            let last = SIMD3(inverse[6], inverse[7], inverse[8])
            for cell in least.indices {
                let d = colour(planes, cell) - mean
                let weighted = SIMD3<Double>((first * d).sum(), (middle * d).sum(), (last * d).sum())
                let distance = Float((d * weighted).sum().squareRoot())
                if distance < least[cell] {
                    second[cell] = least[cell]
                    least[cell] = distance
                } else if distance < second[cell] {
                    second[cell] = distance
                }
            }
        }
        return zip(least, second).map { min($1, $0 * 2 + 1) }
    }

    private static func colour(_ planes: [[Float]], _ cell: Int) -> SIMD3<Double> {
        SIMD3(Double(planes[0][cell]), Double(planes[1][cell]), Double(planes[2][cell]))
    }

    /// Differences between a cell's neighbourhood and its wider surroundings, in all three colours.
    private static func centreSurround(_ planes: [[Float]], _ width: Int, _ height: Int) -> [Float] {
        let side = Double(min(width, height))
        var sum = [Float](repeating: 0, count: width * height)
        for plane in planes {
            let near = blurred(plane, width, height, sigma: side * 0.02)
            for share in [0.12, 0.3] {
                let far = blurred(plane, width, height, sigma: side * share)
                for i in sum.indices { sum[i] += (near[i] - far[i]) * (near[i] - far[i]) }
            }
        }
        return sum.map { $0.squareRoot() }
    }

    /// What is left of the logarithmic spectrum without its smooth part, back in the picture.
    ///
    /// Reference: Hou & Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007, on 64×64 cells.
    private static func spectralResidual(_ picture: Bitmap) throws(IsomerError) -> [Float] {
        let n = 64
        let gray = try picture.gray().resampled(to: PixelSize(n, n), filter: .bilinear).bytes
        var plane = FourierPlane(n, gray.map { Float($0) })
        plane.transform(inverse: false)
        let amplitude = (0..<n * n).map { hypotf(plane.real[$0], plane.imaginary[$0]) }
        let logarithm = amplitude.map { logf($0 + 1e-3) }
        for y in 0..<n {
            for x in 0..<n {
                var mean: Float = 0
                for dy in -1...1 {
                    for dx in -1...1 { mean += logarithm[(y + dy + n) % n * n + (x + dx + n) % n] / 9 }
                }
                let i = y * n + x
                let gain = expf(logarithm[i] - mean) / max(amplitude[i], 1e-3)
                plane.real[i] *= gain
                plane.imaginary[i] *= gain
            }
        }
        plane.transform(inverse: true)
        let energy = (0..<n * n).map { plane.real[$0] * plane.real[$0] + plane.imaginary[$0] * plane.imaginary[$0] }
        let smooth = blurred(energy, n, n, sigma: 2.5)
        // Back to the grid by the nearest cell: it is blurred already.
        return (0..<picture.width * picture.height).map { cell in
            smooth[min(n - 1, cell / picture.width * n / picture.height) * n + min(n - 1, cell % picture.width * n / picture.width)]
        }
    }

    /// Three box filters in each direction, close to a Gaussian of `sigma`; borders are extended.
    static func blurred(_ plane: [Float], _ width: Int, _ height: Int, sigma: Double) -> [Float] {
        let radius = max(1, Int((sigma * 1.5).rounded()) / 2 * 1 + Int(sigma > 1 ? 1 : 0))
        var result = transposed(plane, width, height)
        for _ in 0..<3 { result = boxed(result, height, width, radius) }
        result = transposed(result, height, width)
        for _ in 0..<3 { result = boxed(result, width, height, radius) }
        return result
    }

    /// Means of `2 * radius + 1` values above each other: all columns go down the rows together.
    private static func boxed(_ plane: [Float], _ width: Int, _ height: Int, _ radius: Int) -> [Float] {
        let scale = 1 / Float(2 * radius + 1)
        return plane.withUnsafeBufferPointer { plane in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { sums in
                sums.initialize(repeating: 0)
                for y in -radius...radius {
                    let row = min(max(y, 0), height - 1) * width
                    for x in 0..<width { sums[x] += plane[row + x] }
                }
                return [Float](unsafeUninitializedCapacity: width * height) { result, count in
                    for y in 0..<height {
                        let (out, next, last) = (y * width, min(y + radius + 1, height - 1) * width, max(y - radius, 0) * width)
                        for x in 0..<width {
                            result[out + x] = sums[x] * scale
                            sums[x] += plane[next + x] - plane[last + x]
                        }
                    }
                    count = width * height
                }
            }
        }
    }

    private static func transposed(_ plane: [Float], _ width: Int, _ height: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: width * height) { result, count in
            plane.withUnsafeBufferPointer { plane in
                for y in 0..<height {
                    for x in 0..<width { result[x * height + y] = plane[y * width + x] }
                }
            }
            count = width * height
        }
    }

    /// The value that `share` of all are below, without putting all in order.
    ///
    /// Reference: Hoare, "Algorithm 65: Find", 1961.
    static func quantile(_ values: [Float], _ share: Double) -> Float {
        let wanted = min(values.count - 1, Int(Double(values.count) * share))
        var rest = values
        return rest.withUnsafeMutableBufferPointer { rest in
            var (low, high) = (0, rest.count - 1)
            while low < high {
                let pivot = rest[(low + high) / 2]
                var (i, j) = (low, high)
                while i <= j {
                    while rest[i] < pivot { i += 1 }
                    while pivot < rest[j] { j -= 1 }
                    if i <= j {
                        rest.swapAt(i, j)
                        i += 1
                        j -= 1
                    }
                }
                if wanted <= j {
                    high = j
                } else if wanted >= i {
                    low = i
                } else {
                    break
                }
            }
            return rest[wanted]
        }
    }
}

/// A square of complex numbers with a power of two on its side.
struct FourierPlane {
    let side: Int
    var real: [Float]
    var imaginary: [Float]

    init(_ side: Int, _ real: [Float]) {
        self.side = side
        self.real = real
        imaginary = [Float](repeating: 0, count: real.count)
    }

    mutating func transform(inverse: Bool) {
        let angle = (inverse ? 2 : -2) * Double.pi / Double(side)
        let turns = (0..<side / 2).map { (cosine: Float(cos(angle * Double($0))), sine: Float(sin(angle * Double($0)))) }
        for row in 0..<side { line(row * side, 1, turns) }
        for column in 0..<side { line(column, side, turns) }
        if inverse {
            for i in real.indices {
                real[i] /= Float(side * side)
                imaginary[i] /= Float(side * side)
            }
        }
    }

    /// Radix-2 transform of `side` numbers that lie `step` apart, given the powers of the root of unity up to a half.
    private mutating func line(_ start: Int, _ step: Int, _ turns: [(cosine: Float, sine: Float)]) {
        var j = 0
        for i in 0..<side {
            if i < j {
                real.swapAt(start + i * step, start + j * step)
                imaginary.swapAt(start + i * step, start + j * step)
            }
            var bit = side / 2
            while bit > 0 && j & bit != 0 {
                j ^= bit
                bit /= 2
            }
            j |= bit
        }
        var length = 2
        while length <= side {
            for k in 0..<length / 2 {
                let (c, s) = turns[k * (side / length)]
                for block in stride(from: k, to: side, by: length) {
                    let (a, b) = (start + block * step, start + (block + length / 2) * step)
                    let (x, y) = (real[b] * c - imaginary[b] * s, real[b] * s + imaginary[b] * c)
                    (real[b], imaginary[b]) = (real[a] - x, imaginary[a] - y)
                    real[a] += x
                    imaginary[a] += y
                }
            }
            length *= 2
        }
    }
}
