#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What each operation means, in the plainest terms: loops over rows of f32, summed in f64. The fast operations are held to these.
enum Reference {
    /// A function of one number.
    static func activation(_ x: Float, _ activation: Activation) -> Float {
        let x = Double(x)
        return switch activation {
        case .none: Float(x)
        case .silu: Float(x / (1 + exp(-x)))
        case .gelu: Float(x * 0.5 * (1 + erf(x * 0.5.squareRoot())))
        case .geluTanh: Float(0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))))
        case .quickGELU: Float(x / (1 + exp(-1.702 * x)))
        case .relu: Float(x < 0 ? 0 : x)
        case .tanh: Float(tanh(x))
        }
    }

    /// `[2 · width]` rows to `[width]` rows: first half times the function of the second.
    static func gate(_ x: [Float], width: Int, _ function: Activation) -> [Float] {
        stride(from: 0, to: x.count, by: 2 * width).flatMap { row in
            (0..<width).map { x[row + $0] * activation(x[row + width + $0], function) }
        }
    }

    /// The sizes of a convolution.
    struct Convolution {
        var images = 1, height = 1, width = 1, channels = 1, outputs = 1
        var kernel = 1, stride = 1, magnification = 1
        /// Zeros before and after each axis.
        var leading = 0, trailing = 0

        var outputHeight: Int { (height * magnification + leading + trailing - kernel) / stride + 1 }
        var outputWidth: Int { (width * magnification + leading + trailing - kernel) / stride + 1 }
    }

    /// Pictures `[images, height, width, channels]`, weights `[outputs, channels, kernel, kernel]`, result channels last.
    static func convolution(_ x: [Float], _ weights: [Float], _ bias: [Float]?, _ size: Convolution) -> [Float] {
        var result: [Float] = []
        for image in 0..<size.images {
            for row in 0..<size.outputHeight {
                for column in 0..<size.outputWidth {
                    for output in 0..<size.outputs {
                        var sum = Double(bias?[output] ?? 0)
                        for ky in 0..<size.kernel {
                            for kx in 0..<size.kernel {
                                let (y, left) = (row * size.stride + ky - size.leading, column * size.stride + kx - size.leading)
                                guard y >= 0, left >= 0, y < size.height * size.magnification, left < size.width * size.magnification
                                else { continue }
                                let pixel =
                                    (image * size.height + y / size.magnification) * size.width + left / size.magnification
                                for channel in 0..<size.channels {
                                    let weight = ((output * size.channels + channel) * size.kernel + ky) * size.kernel + kx
                                    sum += Double(x[pixel * size.channels + channel]) * Double(weights[weight])
                                }
                            }
                        }
                        result.append(Float(sum))
                    }
                }
            }
        }
        return result
    }

    /// Group norm of `[images, pixels, channels]`.
    static func groupNorm(
        _ x: [Float], images: Int, channels: Int, groups: Int, weight: [Float], bias: [Float], epsilon: Float
    ) -> [Float] {
        var result = x
        let (pixels, width) = (x.count / images / channels, channels / groups)
        for image in 0..<images {
            for group in 0..<groups {
                let places = (0..<pixels).flatMap { pixel in
                    (0..<width).map { (image * pixels + pixel) * channels + group * width + $0 }
                }
                let mean = places.reduce(0.0) { $0 + Double(x[$1]) } / Double(places.count)
                let variance = places.reduce(0.0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) } / Double(places.count)
                for place in places {
                    let channel = place % channels
                    let normal = (Double(x[place]) - mean) / (variance + Double(epsilon)).squareRoot()
                    result[place] = Float(normal * Double(weight[channel]) + Double(bias[channel]))
                }
            }
        }
        return result
    }

    /// Layer norm of rows, or root-mean-square norm.
    static func rowNorm(
        _ x: [Float], weight: [Float], bias: [Float]?, epsilon: Float, isRootMeanSquare: Bool = false
    ) -> [Float] {
        let channels = weight.count
        return stride(from: 0, to: x.count, by: channels).flatMap { row in
            let values = x[row..<row + channels].map(Double.init)
            let mean = isRootMeanSquare ? 0 : values.reduce(0, +) / Double(channels)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels)
            return values.enumerated().map { channel, value in
                Float((value - mean) / (variance + Double(epsilon)).squareRoot() * Double(weight[channel]) + Double(bias?[channel] ?? 0))
            }
        }
    }

    /// Softmax attention with heads side by side; `mask` is `[queries, keys]`. A query that sees nothing gets zeros.
    static func attention(
        _ query: [Float], _ key: [Float], _ value: [Float], images: Int, heads: Int, size: Int, isCausal: Bool = false, mask: [Float]? = nil
    ) -> [Float] {
        let width = heads * size
        let (queries, keys) = (query.count / images / width, key.count / images / width)
        var result = [Float](repeating: 0, count: query.count)
        for image in 0..<images {
            for head in 0..<heads {
                for q in 0..<queries {
                    let row = (image * queries + q) * width + head * size
                    let scores = (0..<keys).map { k in
                        if isCausal && k > q { return -Double.infinity }
                        let other = (image * keys + k) * width + head * size
                        let product = (0..<size).reduce(0.0) { $0 + Double(query[row + $1]) * Double(key[other + $1]) }
                        return product / Double(size).squareRoot() + Double(mask?[q * keys + k] ?? 0)
                    }
                    let largest = scores.max() ?? 0
                    guard largest > -.infinity else { continue }
                    let weights = scores.map { exp($0 - largest) }
                    let total = weights.reduce(0, +)
                    for i in 0..<size {
                        let sum = (0..<keys).reduce(0.0) { $0 + weights[$1] * Double(value[(image * keys + $1) * width + head * size + i]) }
                        result[row + i] = Float(sum / total)
                    }
                }
            }
        }
        return result
    }

    /// Cosines, then sines, of time · 10000^(-i / (width / 2)) · scale. An odd last place is zero.
    static func timeEmbedding(_ times: [Float], width: Int, scale: Float = 1) -> [Float] {
        let half = width / 2
        var result: [Float] = []
        for time in times {
            // In f32, as PyTorch: the rounding of the angle shows at large times.
            let angles = (0..<half).map { i in time * expf(Float(-log(10_000.0)) * Float(i) / Float(half)) * scale }
            result += angles.map { cosf($0) } + angles.map { sinf($0) }
            if width % 2 == 1 { result.append(0) }
        }
        return result
    }

    /// Sines, then cosines, of 1000 · (scale − 1) · 10000^(-i / (width / 2 − 1)). An odd last place is zero.
    static func guidanceEmbedding(_ scales: [Float], width: Int) -> [Float] {
        let half = width / 2
        let step = logf(10_000) / Float(max(1, half - 1))
        var result: [Float] = []
        for scale in scales {
            let angles = (0..<half).map { i in (scale - 1) * 1_000 * expf(Float(i) * -step) }
            result += angles.map { sinf($0) } + angles.map { cosf($0) }
            if width % 2 == 1 { result.append(0) }
        }
        return result
    }
}
