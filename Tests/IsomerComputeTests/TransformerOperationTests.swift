import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerCompute

/// Operations of transformers against their references, on ragged sizes at every level the machine has. Bounds are relative to the largest
/// number of the result.
@Suite struct TransformerOperationTests {
    typealias Case = OperationTests.Case

    private func expect(_ found: [Float], _ wanted: [Float], within bound: Float, _ location: SourceLocation = #_sourceLocation) {
        #expect(found.count == wanted.count, sourceLocation: location)
        let peak = wanted.reduce(0) { max($0, abs($1)) }
        // The first that is not a number stays.
        let worst = zip(found, wanted).reduce(Float(0)) { worst, pair in
            let apart = abs(pair.0 - pair.1)
            return apart <= worst || worst.isNaN ? worst : apart
        }
        #expect(worst <= bound * peak, sourceLocation: location)
    }

    @Test(arguments: Case.all) func modulations(test: Case) throws {
        var random = Numbers(test.seed)
        let (images, tokens, width) = (random.size(3), random.size(120), random.size(700))
        let (x, residual) = (random.values(images * tokens * width), random.values(images * tokens * width))
        let vectors = random.values(images * 6 * width)
        let c = try Computation(workers: Workers(count: 3), level: test.level)
        let input = try c.tensor([images, tokens, width], x)
        let modulation = try c.tensor([images, 6 * width], vectors)
        if width > 1 {
            // The norm of a row is off by about its root of the width times 6e-8.
            expect(
                try c.modulatedNorm(input, modulation, shift: 3, scale: 4, epsilon: 1e-6).values,
                Reference.modulatedNorm(x, vectors, images: images, width: width, shift: 3, scale: 4, epsilon: 1e-6), within: 4e-6)
        }
        expect(
            try c.addGated(c.tensor(input.shape, residual), input, modulation, gate: 5).values,
            Reference.addGated(residual, x, vectors, images: images, width: width, gate: 5), within: 1e-7)
        #expect(throws: IsomerError.self) { try c.modulatedNorm(input, modulation, shift: 6, scale: 0, epsilon: 1e-6) }
    }

    @Test(arguments: Case.all) func rotations(test: Case) throws {
        var random = Numbers(test.seed)
        let widths = [2 * random.size(9), 2 * random.size(30), 2 * random.size(30)]
        let (images, tokens, heads) = (random.size(2), random.size(60), random.size(4))
        let positions = (0..<tokens).map { _ in (0..<3).map { _ in Float(random.size(200)) - 1 } }
        let x = random.values(images * tokens * heads * widths.reduce(0, +))
        let c = try Computation(workers: Workers(count: 2), level: test.level)
        let table = try c.rotaryTable(positions, widths: widths)
        let y = try c.rotate(c.tensor([images, tokens, heads * widths.reduce(0, +)], x), table)
        expect(y.values, Reference.rotate(x, heads: heads, positions: positions, widths: widths, base: 10_000), within: 2e-7)
        #expect(throws: IsomerError.self) { try c.rotaryTable(positions, widths: [3, 5, 2]) }
    }

    @Test(arguments: Case.all) func headNormsAndProducts(test: Case) throws {
        var random = Numbers(test.seed)
        let (tokens, heads, size) = (random.size(90), random.size(5), random.size(130))
        let x = random.values(tokens * heads * size).map { $0 * 1e-3 }
        let (weight, other) = (random.values(size), random.values(tokens * heads * size))
        let weights = Weights(try MemoryWeights([("n.weight", [size], weight)]))
        let c = try Computation(workers: Workers(count: 2), level: test.level)
        let input = try c.tensor([1, tokens, heads * size], x)
        expect(
            try c.rootMeanSquareNorm(input, weights.root["n"], heads: heads, epsilon: 1e-6).values,
            Reference.rowNorm(x, weight: weight, bias: nil, epsilon: 1e-6, isRootMeanSquare: true), within: 2e-6)
        if size > 1 {
            expect(
                try c.layerNorm(input, heads: heads, epsilon: 1e-5).values,
                Reference.rowNorm(x, weight: [Float](repeating: 1, count: size), bias: nil, epsilon: 1e-5), within: 4e-6)
        }
        #expect(throws: IsomerError.self) { try c.layerNorm(input, heads: heads * size + 1, epsilon: 1e-5) }
        let y = try c.tensor(input.shape, other)
        #expect(try c.multiply(input, y).values == zip(x, other).map { $0 * $1 })
        #expect(try c.scaled(y, by: 3, plus: -1).values == other.map { $0 * 3 - 1 })
    }

    @Test(arguments: [Computation.PatchOrder.channelsFirst, .channelsLast], 1...4)
    func patches(order: Computation.PatchOrder, side: Int) throws {
        var random = Numbers(UInt64(side))
        let (images, rows, columns, channels) = (random.size(3), random.size(5), random.size(7), random.size(9))
        let shape = [images, rows * side, columns * side, channels]
        let x = random.values(shape.reduce(1, *))
        let c = try Computation()
        let tokens = try c.patchify(c.tensor(shape, x), side: side, order: order)
        #expect(tokens.shape == [images, rows * columns, channels * side * side])
        #expect(
            tokens.values
                == Reference.patchify(
                    x, images: images, height: rows * side, width: columns * side, channels: channels, side: side, order))
        #expect(try c.unpatchify(tokens, rows: rows, columns: columns, side: side, order: order).values == x)
    }

    /// The classes that the reference implementation's tables have, at both sides of every boundary.
    @Test func distances() throws {
        let classes = [0, 1, 7, 8, 11, 12, 15, 16, 22, 23, 31, 32, 45, 46, 63, 64, 90, 91, 127, 128, 500]
            .map { Reference.relativePositionBucket(-$0, buckets: 32, reach: 128) }
        #expect(classes == [0, 1, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 15])
        #expect(Reference.relativePositionBucket(5, buckets: 32, reach: 128) == 21)
        let (buckets, heads, tokens) = (8, 3, 21)
        var random = Numbers(3)
        let table = random.values(buckets * heads)
        let weights = Weights(try MemoryWeights([("b.weight", [buckets, heads], table)]))
        let c = try Computation()
        let bias = try c.relativePositionBias(weights.root["b"], tokens: tokens, heads: heads, buckets: buckets)
        let wanted = (0..<heads).flatMap { head in
            (0..<tokens).flatMap { query in
                (0..<tokens).map { table[Reference.relativePositionBucket($0 - query, buckets: buckets, reach: 128) * heads + head] }
            }
        }
        #expect(bias.shape == [1, heads, tokens, tokens])
        #expect(bias.values == wanted)
    }

    @Test func sequencesAndPictures() throws {
        let c = try Computation()
        let a = try c.tensor([2, 1, 2], [1, 2, 3, 4])
        let b = try c.tensor([2, 2, 2], [5, 6, 7, 8, 9, 10, 11, 12])
        let joined = try c.concatenateTokens(a, b)
        #expect(joined.values == [1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12])
        #expect(try c.tokens(joined, 1..<3).values == b.values)
        #expect(try c.meanOverPixels(b).values == [6, 7, 10, 11])
        #expect(try c.addToPixels(b, c.tensor([2, 2], [1, 0, 0, 1])).values == [6, 6, 8, 8, 9, 11, 11, 13])
        let picture = try c.tensor([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(try c.averagePool(picture).values == [3, 4.5, 7.5, 9])
        #expect(try c.crop(picture, rows: 1..<3, columns: 0..<2).values == [4, 5, 7, 8])
        #expect(try c.reversedChannels(b).values == [6, 5, 8, 7, 10, 9, 12, 11])
        let faded = try c.faded(picture, after: c.filled([1, 3, 3, 1], 10), extent: 2, alongRows: true)
        #expect(faded.values == [10, 10, 10, 7, 7.5, 8, 7, 8, 9])
        #expect(try c.joined([[picture], [picture]]).shape == [1, 6, 3, 1])
        #expect(throws: IsomerError.self) { try c.crop(picture, rows: 1..<4, columns: 0..<2) }
        #expect(throws: IsomerError.self) { try c.tokens(joined, 2..<4) }
    }
}
