import Foundation
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerCompute

/// Every operation against its reference, on sizes that are no multiple of any tile, at every level the machine has.
///
/// Bounds are relative to the largest number of the result. A sum of n products in f32 is off by about √n · 6e-8 of its terms' size; depths
/// here are below 1000.
@Suite struct OperationTests {
    struct Case: Sendable, CustomStringConvertible {
        let level: KernelLevel
        let seed: UInt64
        var description: String { "\(level) \(seed)" }
        static let all = KernelLevel.available.flatMap { level in (1...4).map { Case(level: level, seed: $0) } }
    }

    private func store(_ tensors: [(String, [Int], [Float])], as type: ScalarType = .f32) throws -> Weights {
        Weights(try MemoryWeights(tensors, as: type))
    }

    private func expect(_ found: [Float], _ wanted: [Float], within bound: Float, _ location: SourceLocation = #_sourceLocation) {
        #expect(found.count == wanted.count, sourceLocation: location)
        let peak = wanted.reduce(0) { max($0, abs($1)) }
        // The first that is not a number stays.
        let error = zip(found, wanted).reduce(Float(0)) { worst, pair in
            let apart = abs(pair.0 - pair.1)
            return apart <= worst || worst.isNaN ? worst : apart
        }
        #expect(error <= bound * max(peak, 1e-30), sourceLocation: location)
    }

    /// Another one for each seed and precision.
    private func storedType(_ test: Case, _ precision: Computation.Precision) -> ScalarType {
        Self.storedTypes[(Int(test.seed) + (precision == .bf16 ? 2 : 0)) % Self.storedTypes.count]
    }

    private static let storedTypes = [ScalarType.f32, .f16, .bf16, .f8e4m3, .f8e5m2]

    @Test(arguments: Case.all, Computation.Precision.allCases.flatMap { precision in storedTypes.map { (precision, $0) } })
    func linearMaps(test: Case, variant: (precision: Computation.Precision, type: ScalarType)) throws {
        let (precision, type) = variant
        var random = Numbers(test.seed)
        // More inputs than are summed at a time, by each of the precisions.
        let (rows, inputs) = precision == .f32 ? (random.size(40), random.size(900)) : (random.size(14), random.size(2700))
        let outputs = random.size(120)
        let x = random.values(rows * inputs)
        let weights = try store(
            [("a.weight", [outputs, inputs], random.values(outputs * inputs)), ("a.bias", [outputs], random.values(outputs))], as: type)
        let computation = try Computation(workers: Workers(count: 3), precision: precision, level: test.level)
        let y = try computation.linear(computation.tensor([1, rows, inputs], x), weights.root["a"], outputs: outputs)
        #expect(y.shape == [1, rows, outputs])
        let size = Reference.Convolution(images: 1, height: 1, width: rows, channels: inputs, outputs: outputs)
        let wanted = try Reference.convolution(
            x, weights.values("a.weight", [outputs, inputs]), weights.values("a.bias", [outputs]), size)
        expect(y.values, wanted, within: precision == .f32 ? 2e-6 : 1e-2)
    }

    /// Blocks are widened while they are packed where rows hold whole ones, and before that where they do not.
    @Test(arguments: Case.all, [ScalarType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q6K, .q4K])
    func linearMapsOfBlocks(test: Case, type: ScalarType) throws {
        var random = Numbers(test.seed)
        let block = type.group.elementCount
        let outputs = random.size(6) * 8
        for inputs in [block * random.size(2000 / block), block / 8 * 11] {
            let x = random.values(5 * inputs)
            let shape = test.seed % 2 == 0 ? [outputs, inputs] : [outputs, inputs, 1, 1]
            let weights = try store([("a.weight", shape, random.values(outputs * inputs))], as: type)
            let size = Reference.Convolution(images: 1, height: 1, width: 5, channels: inputs, outputs: outputs)
            let wanted = try Reference.convolution(
                x, weights.values("a.weight", shape), [Float](repeating: 0, count: outputs), size)
            for precision in Computation.Precision.allCases {
                let computation = try Computation(workers: Workers(count: 2), precision: precision, level: test.level)
                let input = try computation.tensor([1, 1, 5, inputs], x)
                let y =
                    shape.count == 2
                    ? try computation.linear(input, weights.root["a"], outputs: outputs, hasBias: false)
                    : try computation.convolution(input, weights.root["a"], outputs: outputs, kernel: 1, hasBias: false)
                expect(y.values, wanted, within: precision == .f32 ? 3e-6 : 1e-2)
            }
        }
    }

    @Test(arguments: Case.all, Computation.Precision.allCases)
    func convolutions(test: Case, precision: Computation.Precision) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = random.size(2)
        size.height = 2 + random.size(8)
        size.width = 2 + random.size(8)
        size.channels = random.size(70)
        size.outputs = random.size(70)
        size.kernel = test.seed % 3 == 0 ? 1 : 3
        size.stride = random.size(2)
        size.magnification = random.size(2)
        let isTrailing = size.kernel == 3 && test.seed % 2 == 0
        size.leading = isTrailing ? 0 : size.kernel / 2
        size.trailing = isTrailing ? 1 : size.kernel / 2
        let x = random.values(size.images * size.height * size.width * size.channels)
        let shape = [size.outputs, size.channels, size.kernel, size.kernel]
        let weight = random.values(shape.reduce(1, *))
        let bias = random.values(size.outputs)
        let imageBias = random.values(size.images * size.outputs)
        let pixels = size.outputHeight * size.outputWidth
        let residual = random.values(size.images * pixels * size.outputs)
        let weights = try store([("c.weight", shape, weight), ("c.bias", [size.outputs], bias)], as: storedType(test, precision))
        let computation = try Computation(workers: Workers(count: 2), precision: precision, level: test.level)
        let y = try computation.convolution(
            computation.tensor([size.images, size.height, size.width, size.channels], x), weights.root["c"], outputs: size.outputs,
            kernel: size.kernel, stride: size.stride, padding: isTrailing ? .trailing : .same, magnification: size.magnification,
            activation: .silu, imageBias: computation.tensor([size.images, size.outputs], imageBias),
            residual: computation.tensor([size.images, size.outputHeight, size.outputWidth, size.outputs], residual), scale: 0.5)
        let stored = try (weights.values("c.weight", shape), weights.values("c.bias", [size.outputs]))
        let wanted = Reference.convolution(x, stored.0, stored.1, size).enumerated().map { place, value in
            let image = place / size.outputs / pixels
            let sum = value + imageBias[image * size.outputs + place % size.outputs]
            return Reference.activation(sum, .silu) * 0.5 + residual[place]
        }
        // bf16 keeps eight bits of each operand.
        expect(y.values, wanted, within: precision == .f32 ? 3e-6 : 1e-2)
    }

    /// Large enough for Winograd's transforms, with odd sides: plain; magnified, where nine products do; and with stride 2, padded either way.
    @Test(arguments: Case.all, Computation.Precision.allCases)
    func largeConvolutions(test: Case, precision: Computation.Precision) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = random.size(2)
        size.magnification = test.seed == 2 ? 2 : 1
        size.stride = test.seed > 2 ? 2 : 1
        size.height = (15 + random.size(8)) * size.stride
        size.width = (15 + random.size(8)) * size.stride
        size.channels = 15 + random.size(40)
        size.outputs = 15 + random.size(60)
        size.leading = test.seed == 4 ? 0 : 1
        try checkConvolution(size, test, precision, &random)
    }

    /// So many outputs with stride 2 that squares are tall, or large where bf16 is multiplied in pairs.
    @Test(arguments: Case.all, Computation.Precision.allCases)
    func tallAndLargeSquares(test: Case, precision: Computation.Precision) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = 1
        size.stride = 2
        size.height = 66 + random.size(20)
        size.width = 66 + random.size(20)
        size.channels = 15 + random.size(8)
        size.outputs = 15 + random.size(30)
        size.leading = test.seed % 2 == 0 ? 0 : 1
        try checkConvolution(size, test, precision, &random)
    }

    /// So many outputs, for so few squares, that these are transformed first and every panel of weights is packed where it is used.
    @Test(arguments: Case.all, Computation.Precision.allCases)
    func fewSquaresOfManyOutputs(test: Case, precision: Computation.Precision) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = 1
        size.magnification = test.seed == 2 ? 2 : 1
        size.stride = test.seed > 2 ? 2 : 1
        size.height = (11 + random.size(3)) * size.stride
        size.width = (11 + random.size(3)) * size.stride
        // More channels than are summed at a time, by each of the precisions.
        size.channels = test.seed == 1 ? 1030 + random.size(20) : 15 + random.size(40)
        size.outputs = 130 + random.size(60)
        size.leading = test.seed == 4 ? 0 : 1
        // So many large squares that three workers have parts of them, of which the last is smaller.
        if test.seed == 3 { (size.height, size.width, size.channels, size.outputs) = (121, 182, 16, 230) }
        try checkConvolution(size, test, precision, &random)
    }

    /// So many channels that large squares have no room.
    @Test(arguments: Case.all.filter { $0.seed == 1 })
    func tallSquaresOfManyChannels(test: Case) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = 1
        size.stride = 2
        size.height = 63
        size.width = 64
        size.channels = 610
        size.outputs = 17
        size.leading = 1
        try checkConvolution(size, test, .bf16, &random)
    }

    /// A 3×3 convolution beside the reference.
    private func checkConvolution(
        _ size: Reference.Convolution, _ test: Case, _ precision: Computation.Precision, _ random: inout Numbers
    ) throws {
        var size = size
        size.kernel = 3
        size.trailing = 1
        let x = random.values(size.images * size.height * size.width * size.channels)
        let shape = [size.outputs, size.channels, 3, 3]
        let (weight, bias) = (random.values(shape.reduce(1, *)), random.values(size.outputs))
        let weights = try store([("c.weight", shape, weight), ("c.bias", [size.outputs], bias)], as: storedType(test, precision))
        let stored = try (weights.values("c.weight", shape), weights.values("c.bias", [size.outputs]))
        let results = try [1, 3].map { workers in
            let computation = try Computation(workers: Workers(count: workers), precision: precision, level: test.level)
            let input = try computation.tensor([size.images, size.height, size.width, size.channels], x)
            return try computation.convolution(
                input, weights.root["c"], outputs: size.outputs, kernel: 3, stride: size.stride,
                padding: size.leading == 0 ? .trailing : .same, magnification: size.magnification
            ).values
        }
        // The squares of stride 2 lose up to four times what plain sums do.
        let bound: Float = precision == .f32 ? 3e-6 : size.stride > 1 ? 2e-2 : 1e-2
        expect(results[0], Reference.convolution(x, stored.0, stored.1, size), within: bound)
        // How many threads there are changes nothing.
        #expect(results[0] == results[1])
    }

    /// As many outputs as a picture has channels.
    @Test(arguments: Case.all, [ScalarType.f32, .bf16])
    func convolutionsToPictures(test: Case, type: ScalarType) throws {
        var random = Numbers(test.seed)
        var size = Reference.Convolution()
        size.images = random.size(2)
        size.stride = random.size(2)
        size.height = 15 * size.stride + random.size(8)
        size.width = 15 * size.stride + random.size(8)
        size.channels = random.size(70)
        size.outputs = Int(test.seed)
        size.kernel = test.seed % 3 == 0 ? 1 : 3
        size.leading = size.kernel / 2
        size.trailing = size.kernel / 2
        let x = random.values(size.images * size.height * size.width * size.channels)
        let shape = [size.outputs, size.channels, size.kernel, size.kernel]
        // The upper half of a float is a bf16.
        let weight = random.values(shape.reduce(1, *)).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
        let bias = random.values(size.outputs).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
        let weights = try store([("c.weight", shape, weight), ("c.bias", [size.outputs], bias)], as: type)
        let results = try [1, 3].map { workers in
            let computation = try Computation(workers: Workers(count: workers), level: test.level)
            let input = try computation.tensor([size.images, size.height, size.width, size.channels], x)
            return try computation.convolution(
                input, weights.root["c"], outputs: size.outputs, kernel: size.kernel, stride: size.stride
            ).values
        }
        expect(results[0], Reference.convolution(x, weight, bias, size), within: 3e-6)
        #expect(results[0] == results[1])
    }

    @Test(arguments: Case.all) func norms(test: Case) throws {
        var random = Numbers(test.seed)
        let (images, pixels, groups) = (random.size(2), random.size(150), random.size(5))
        let channels = groups * random.size(40)
        // A mean far from zero and tiny deviations are where one pass over squares would fail.
        let x = random.values(images * pixels * channels).map { 30 + $0 * 0.01 }
        let (weight, bias) = (random.values(channels), random.values(channels))
        let weights = try store([("n.weight", [channels], weight), ("n.bias", [channels], bias)])
        let computation = try Computation(level: test.level)
        let input = try computation.tensor([images, pixels, channels], x)
        let group = try computation.groupNorm(input, weights.root["n"], groups: groups, epsilon: 1e-6)
        // x itself is only known to 30 · 6e-8 = 2e-6, a fifth of a thousandth of the deviation.
        expect(
            group.values,
            Reference.groupNorm(x, images: images, channels: channels, groups: groups, weight: weight, bias: bias, epsilon: 1e-6),
            within: 1e-3)
        let plain = random.values(images * pixels * channels)
        let other = try computation.tensor([images, pixels, channels], plain)
        expect(
            try computation.groupNorm(other, weights.root["n"], groups: groups, epsilon: 1e-5, activation: .silu).values,
            Reference.groupNorm(plain, images: images, channels: channels, groups: groups, weight: weight, bias: bias, epsilon: 1e-5)
                .map { Reference.activation($0, .silu) }, within: 2e-6)
        expect(
            try computation.layerNorm(other, weights.root["n"], epsilon: 1e-5).values,
            Reference.rowNorm(plain, weight: weight, bias: bias, epsilon: 1e-5), within: 4e-6)
        expect(
            try computation.rootMeanSquareNorm(other, weights.root["n"], epsilon: 1e-6).values,
            Reference.rowNorm(plain, weight: weight, bias: nil, epsilon: 1e-6, isRootMeanSquare: true), within: 2e-6)
    }

    @Test(arguments: Case.all, [(false, Computation.Precision.f32), (true, .f32), (false, .bf16), (true, .bf16)])
    func attention(test: Case, variant: (isCausal: Bool, precision: Computation.Precision)) throws {
        let (isCausal, precision) = variant
        var random = Numbers(test.seed)
        let (images, heads, size) = (random.size(2), random.size(3), random.size(170))
        let queries = random.size(130)
        let keys = isCausal ? queries : random.size(test.seed == 4 ? 600 : 90)
        let width = heads * size
        let query = random.values(images * queries * width).map { $0 * 3 }
        let (key, value) = (random.values(images * keys * width), random.values(images * keys * width))
        var mask: [Float]? = test.seed % 2 == 0 ? random.values(queries * keys) : nil
        // One query that sees nothing at all.
        if mask != nil { for key in 0..<keys { mask?[key] = -.infinity } }
        let computation = try Computation(precision: precision, level: test.level)
        let y = try computation.attention(
            computation.tensor([images, queries, width], query), computation.tensor([images, keys, width], key),
            computation.tensor([images, keys, width], value), heads: heads, isCausal: isCausal,
            mask: mask.map { try computation.tensor([1, 1, queries, keys], $0) })
        expect(
            y.values, Reference.attention(query, key, value, images: images, heads: heads, size: size, isCausal: isCausal, mask: mask),
            within: precision == .f32 ? 5e-6 : 2e-2)
    }

    /// Group norms write what is larger than the caches past them.
    @Test(arguments: KernelLevel.available) func largeGroupNorm(level: KernelLevel) throws {
        var random = Numbers(5)
        let (pixels, channels) = (70_000, 64)
        let picture = (0..<pixels * channels).map { Float(($0 &* 2_654_435_761) >> 7 & 0xFFFF) / 0x8000 - 1 }
        let weights = try store([("n.weight", [channels], random.values(channels)), ("n.bias", [channels], random.values(channels))])
        let computation = try Computation(level: level)
        // One picture takes 18 MB, and two of them 36.
        let norms = try [1, 2].map { images in
            let input = try computation.tensor([images, pixels, channels], Array(repeatElement(picture, count: images).joined()))
            return try computation.groupNorm(input, weights.root["n"], groups: 8, epsilon: 1e-6, activation: .silu)
        }
        try norms[0].withValues { one throws(IsomerError) in
            try norms[1].withValues { both throws(IsomerError) in
                for image in 0..<2 {
                    let difference = memcmp(one.baseAddress!, both.baseAddress! + image * one.count, one.count * 4)
                    #expect(one.count == pixels * channels && difference == 0)
                }
            }
        }
    }

    @Test(arguments: KernelLevel.available, Activation.allCases)
    func activations(level: KernelLevel, activation: Activation) throws {
        let x: [Float] = (-2000...2000).map { Float($0) * 0.01 } + [0, -0.0, 1e-30, -1e-30, 87, -87, 1e4, -1e4, 3e38, -3e38]
        let computation = try Computation(level: level)
        let y = try computation.activate(computation.tensor([x.count], x), activation).values
        for (value, (found, wanted)) in zip(x, zip(y, x.map { Reference.activation($0, activation) })) {
            // 2e-7 absolute of the function that x is multiplied by, where x is not huge.
            #expect(abs(found - wanted) <= 4e-7 * max(1, min(abs(value), 100)) + 2e-7 * abs(wanted), "\(activation) of \(value)")
        }
        let strange = try computation.activate(computation.tensor([3], [.nan, .infinity, 1]), activation).values
        #expect(strange[0].isNaN)
        #expect(strange[2].isFinite)
    }

    @Test(arguments: KernelLevel.available) func gates(level: KernelLevel) throws {
        var random = Numbers(7)
        let x = random.values(2 * 37 * 5)
        let computation = try Computation(level: level)
        let y = try computation.gate(computation.tensor([5, 74], x), .gelu)
        #expect(y.shape == [5, 37])
        expect(y.values, Reference.gate(x, width: 37, .gelu), within: 1e-6)
        let sum = try computation.add(y, y, scale: -1)
        #expect(sum.values.allSatisfy { $0 == 0 })
    }

    @Test(arguments: KernelLevel.available) func strangeWeightsDoNotTrap(level: KernelLevel) throws {
        let strange: [Float] = [.nan, .infinity, -.infinity, 0x1p-140, -0.0, 3e38, 1, -1]
        let weights = try store([
            ("a.weight", [8, 8], (0..<64).map { strange[($0 * 5 + $0 / 8) % 8] }),
            ("a.bias", [8], strange), ("n.weight", [8], strange), ("n.bias", [8], strange),
        ])
        for precision in Computation.Precision.allCases {
            let computation = try Computation(precision: precision, level: level)
            let x = try computation.tensor([1, 8, 8], (0..<64).map { strange[$0 % 8] })
            let y = try computation.linear(x, weights.root["a"], outputs: 8, activation: .silu)
            _ = try computation.groupNorm(computation.attention(y, x, y, heads: 2), weights.root["n"], groups: 4, epsilon: 1e-5)
            #expect(y.values.contains { !$0.isFinite })
        }
    }
}

/// Small tensors in memory.
final class MemoryWeights: TensorSource {
    let tensors: [TensorDescriptor]
    let metadata = FileMetadata()
    private let contents: [[UInt8]]

    init(_ values: [(String, [Int], [Float])], as type: ScalarType = .f32) throws(IsomerError) {
        var tensors: [TensorDescriptor] = []
        var contents: [[UInt8]] = []
        for (name, shape, numbers) in values {
            let descriptor = try TensorDescriptor(name: name, scalarType: type, shape: Shape(shape))
            var bytes = [UInt8](repeating: 0, count: descriptor.byteCount)
            let cast = try Cast(from: .f32, to: type)
            numbers.withUnsafeBytes { source in
                bytes.withUnsafeMutableBytes { target in
                    _ = try? cast.apply(source, target, elementCount: numbers.count)
                }
            }
            tensors.append(descriptor)
            contents.append(bytes)
        }
        self.tensors = tensors
        self.contents = contents
    }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        buffer.copyBytes(from: contents[index][offset..<offset + buffer.count])
    }

    func storedRange(of index: Int) -> StoredRange? { nil }
}

/// Repeatable numbers between -1 and 1.
struct Numbers {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }

    mutating func size(_ most: Int) -> Int { 1 + Int(next() % UInt64(most)) }

    mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(next()) / 0x4000_0000 - 1 } }
}
