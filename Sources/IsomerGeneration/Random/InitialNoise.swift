/// The noise that an image begins with, with A1111's ways to vary it, and the generator from which its sampler draws.
///
/// Reference: AUTOMATIC1111 1.10, modules/rng.py `ImageRNG`, `slerp`.
public struct InitialNoise: Hashable, Sendable {
    /// A second noise, towards which the first is moved.
    public struct Variation: Hashable, Sendable {
        /// Where it begins.
        public var seed: UInt64
        /// How far the first is moved towards it: 0 to 1.
        public var strength: Double

        public init(seed: UInt64, strength: Double) {
            self.seed = seed
            self.strength = strength
        }
    }

    public var seed: UInt64
    public var variation: Variation?
    /// The size of latents that the seed's noise is drawn for; it is put into the middle of these.
    public var drawnSize: (height: Int, width: Int)? {
        get { height > 0 && width > 0 ? (height, width) : nil }
        set { (height, width) = newValue ?? (0, 0) }
    }
    private var height = 0
    private var width = 0
    /// Added to the seed for what the sampler draws ("ENSD"; NovelAI's is 31,337). With 0 it goes on with the generator of the first noise.
    public var samplerDelta: Int = 0

    public init(seed: UInt64, variation: Variation? = nil) {
        self.seed = seed
        self.variation = variation
    }

    /// Noise of `channels` × `height` × `width`, and the generator to go on with. `generator` makes one from a seed.
    public func drawn<Generator: NoiseGenerator>(
        channels: Int, height: Int, width: Int, _ generator: (UInt64) -> Generator
    ) -> (noise: [Float], generator: Generator) {
        var first = generator(seed)
        let (drawnHeight, drawnWidth) = drawnSize ?? (height, width)
        let isResized = drawnHeight != height || drawnWidth != width
        let count = channels * drawnHeight * drawnWidth
        var noise: [Float]
        if isResized {
            // The noise of the other size comes from a generator of its own.
            var other = generator(seed)
            noise = other.normals(count)
        } else {
            noise = first.normals(count)
        }
        if let variation, variation.strength != 0 {
            var other = generator(variation.seed)
            noise = InitialNoise.between(
                noise, other.normals(count), at: Float(variation.strength), channels: channels, height: drawnHeight, width: drawnWidth)
        }
        if isResized {
            var whole = first.normals(channels * height * width)
            InitialNoise.put(noise, drawnHeight, drawnWidth, into: &whole, height, width, channels)
            noise = whole
        }
        if samplerDelta != 0 { first = generator(seed &+ UInt64(bitPattern: Int64(samplerDelta))) }
        return (noise, first)
    }

    /// The place at `share` of the way along the sphere from one noise to the other; each column of each channel is a vector of its own,
    /// because A1111 takes the norm along the first axis of the picture.
    ///
    /// Where both are nearly parallel it goes straight from the first to the second; A1111 goes from the second to the first there.
    static func between(_ first: [Float], _ second: [Float], at share: Float, channels: Int, height: Int, width: Int) -> [Float] {
        let columns = channels * width
        func sum(_ x: [Float], _ y: [Float]) -> [Float] {
            var sums = [Float](repeating: 0, count: columns)
            for channel in 0..<channels {
                for row in 0..<height {
                    for column in 0..<width {
                        let index = (channel * height + row) * width + column
                        sums[channel * width + column] += x[index] * y[index]
                    }
                }
            }
            return sums
        }
        let (products, firstSquares, secondSquares) = (sum(first, second), sum(first, first), sum(second, second))
        let cosines = products.indices.map { products[$0] / (firstSquares[$0].squareRoot() * secondSquares[$0].squareRoot()) }
        guard let mean = cosines.isEmpty ? nil : cosines.reduce(0, +) / Float(columns), mean <= 0.9995 else {
            return combine(Double(1 - share), first, Double(share), second)
        }
        let weights = cosines.map { cosine -> (Float, Float) in
            let angle = Elementary.arccosine(cosine)
            let sine = Elementary.sine(angle)
            return (Elementary.sine((1 - share) * angle) / sine, Elementary.sine(share * angle) / sine)
        }
        return first.indices.map { index in
            let (from, to) = weights[index / (height * width) * width + index % width]
            return from * first[index] + to * second[index]
        }
    }

    /// The middle of the smaller one of both along each axis.
    private static func put(
        _ noise: [Float], _ drawnHeight: Int, _ drawnWidth: Int, into whole: inout [Float], _ height: Int, _ width: Int, _ channels: Int
    ) {
        let (rowShift, columnShift) = (floorHalf(height - drawnHeight), floorHalf(width - drawnWidth))
        let rows = rowShift >= 0 ? drawnHeight : drawnHeight + 2 * rowShift
        let columns = columnShift >= 0 ? drawnWidth : drawnWidth + 2 * columnShift
        for channel in 0..<channels {
            for row in 0..<max(0, min(rows, height)) {
                for column in 0..<max(0, min(columns, width)) {
                    let to = (channel * height + row + max(0, rowShift)) * width + column + max(0, columnShift)
                    let from = (channel * drawnHeight + row + max(0, -rowShift)) * drawnWidth + column + max(0, -columnShift)
                    whole[to] = noise[from]
                }
            }
        }
    }

    /// Half of a number, rounded down also below zero.
    private static func floorHalf(_ number: Int) -> Int { number >> 1 }
}
