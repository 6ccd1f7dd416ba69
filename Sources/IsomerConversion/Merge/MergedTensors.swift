import IsomerArchitectures
public import IsomerBytes
public import IsomerTensors
import Synchronization

/// Weights that several models and adapters make together, made as they are read: nothing of a model is held but the rows in work and the
/// factors of the adapters that they need.
///
/// Everything is summed in 32-bit floats and rounded once, to the type of the tensor.
public final class MergedTensors: TensorSource {
    /// A model's tensor that goes into a merged one.
    struct Input: Sendable {
        var source: any TensorSource
        var index: Int
        /// Elements of one of its rows, where they are fewer than the merged tensor's: an ordinary model's first convolution beside an
        /// inpainting one's. Its rows then stand in for the beginnings of those.
        var columns: Int
    }

    /// How models' tensors become one.
    enum Combination: Hashable, Sendable {
        case weighted([Float])
        /// Along the arc between two, by this share of it.
        case spherical(Float)
        /// Changes from the first, which is the base. `density` of each model's changes are kept: the largest, or by chance.
        case taskVectors(TaskVectorCombination, density: Double, keepsLargest: Bool)
    }

    struct Tensor: Sendable {
        var inputs: [Input]
        var combination: Combination
        var updates: [AdapterUpdate]
    }

    public let tensors: [TensorDescriptor]
    public let metadata: FileMetadata = [:]
    public let files: [ReadableFile] = []
    let recipes: [Tensor]
    private let prepared: [PreparedMerge]
    private let weights: AdapterWeightCache
    private let scratch = Mutex<[MergeScratch]>([])
    private let lost = Mutex<[Int: CastReport]>([:])

    /// Elements that are made at a time, whole rows: in 32-bit floats they stay in a core's own cache.
    private static let elementsAtOnce = 128 << 10

    init(_ tensors: [(TensorDescriptor, Tensor)]) {
        self.tensors = tensors.map(\.0)
        recipes = tensors.map(\.1)
        prepared = tensors.map { PreparedMerge(updates: $0.1.updates.count) }
        weights = AdapterWeightCache()
    }

    public func storedRange(of index: Int) -> StoredRange? { nil }

    /// What elements lost when they were rounded to their tensor's type, by tensor, in all that was read so far.
    public var losses: [(name: String, report: CastReport)] {
        lost.withLock { $0 }.sorted { $0.key < $1.key }.map { (tensors[$0.key].name, $0.value) }
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard tensors.indices.contains(index) else { throw IsomerError(.usage, "there is no such tensor", found: "\(index)") }
        let tensor = tensors[index]
        let size = max(1, tensor.scalarType.bitCount / 8)
        guard offset >= 0, offset % size == 0, buffer.count % size == 0, buffer.count <= tensor.byteCount - offset else {
            throw IsomerError(.usage, "the range lies outside the tensor or cuts an element", item: tensor.name)
        }
        guard !buffer.isEmpty else { return }
        let columns = self.columns(of: index)
        let cast = try Cast(from: .f32, to: tensor.scalarType)
        let own = scratch.withLock { $0.popLast() } ?? MergeScratch()
        defer { scratch.withLock { $0.append(own) } }
        do throws(IsomerError) {
            var position = offset / size
            let end = position + buffer.count / size
            let step = max(1, Self.elementsAtOnce / columns)
            while position < end {
                let firstRow = position / columns
                let lastRow = min((end + columns - 1) / columns, firstRow + step)
                let made = try values(index, rows: firstRow..<lastRow, updates: recipes[index].updates.count, own)
                let stop = min(end, lastRow * columns)
                let part = UnsafeMutableBufferPointer(rebasing: made[(position - firstRow * columns)..<(stop - firstRow * columns)])
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[((position - offset / size) * size)..<((stop - offset / size) * size)])
                let report = try cast.apply(UnsafeRawBufferPointer(part), target, elementCount: part.count)
                if report != CastReport() { lost.withLock { $0[index, default: CastReport()] += report } }
                position = stop
            }
        } catch {
            throw error.about(tensor.name)
        }
    }

    /// Elements of one row.
    func columns(of index: Int) -> Int {
        let shape = tensors[index].shape
        return max(1, shape.elementCount / max(1, shape.dimensions.first ?? 1))
    }

    /// Rows of a tensor with its first `updates` adapters added, in 32-bit floats, in `scratch`'s memory.
    private func values(
        _ index: Int, rows: Range<Int>, updates: Int, _ scratch: MergeScratch
    ) throws(IsomerError) -> UnsafeMutableBufferPointer<Float> {
        let recipe = recipes[index]
        let columns = columns(of: index)
        let count = rows.count * columns
        let output = scratch.output(count)
        if recipe.inputs.count == 1, recipe.combination == .weighted([1]) {
            try read(recipe.inputs[0], rows, columns, into: output, beside: nil)
        } else {
            try combine(index, rows, columns, into: output, scratch)
        }
        for number in 0..<updates { try add(number, of: index, rows, into: output, scratch) }
        return UnsafeMutableBufferPointer(rebasing: output[..<count])
    }

    /// What `values` makes, for whoever looks at all rows before the first is written.
    func rowsBefore(
        _ update: Int, of index: Int, _ rows: Range<Int>, _ scratch: MergeScratch
    ) throws(IsomerError) -> UnsafeMutableBufferPointer<Float> {
        try values(index, rows: rows, updates: update, scratch)
    }

    func prepared(_ index: Int) -> PreparedMerge { prepared[index] }

    /// The factors of update number `number` of tensor `index`.
    func weights(_ number: Int, of index: Int) throws(IsomerError) -> AdapterUpdate.Weights {
        let update = recipes[index].updates[number]
        return try weights.weights(tensor: index, update: number) { () throws(IsomerError) in try update.load() }
    }

    private func read(
        _ input: Input, _ rows: Range<Int>, _ columns: Int, into target: UnsafeMutableBufferPointer<Float>,
        beside first: UnsafeMutableBufferPointer<Float>?
    ) throws(IsomerError) {
        let range = rows.lowerBound * input.columns..<rows.upperBound * input.columns
        try input.source.floats(of: input.index, range, into: target)
        guard input.columns < columns, let first else { return }
        // From the end, so that no row is overwritten before it has moved.
        for row in (0..<rows.count).reversed() {
            for column in (0..<columns).reversed() {
                let place = row * columns + column
                target[place] = column < input.columns ? target[row * input.columns + column] : first[place]
            }
        }
    }

    private func combine(
        _ index: Int, _ rows: Range<Int>, _ columns: Int, into output: UnsafeMutableBufferPointer<Float>, _ scratch: MergeScratch
    ) throws(IsomerError) {
        let recipe = recipes[index]
        let count = rows.count * columns
        var inputs: [UnsafeMutableBufferPointer<Float>] = []
        for (number, input) in recipe.inputs.enumerated() {
            let buffer = scratch.input(number, count)
            try read(input, rows, columns, into: buffer, beside: inputs.first)
            inputs.append(buffer)
        }
        switch recipe.combination {
        case .weighted(let weights): try WeightArithmetic.weightedSum(inputs, weights, into: output, count: count)
        case .spherical(let share):
            let weights = try prepared[index].models.numbers { () throws(IsomerError) in try sphericalWeights(index, share) }
            try WeightArithmetic.weightedSum(inputs, weights, into: output, count: count)
        case .taskVectors(var combination, let density, let keepsLargest):
            if keepsLargest {
                combination.thresholds = try prepared[index].models.numbers { () throws(IsomerError) in try thresholds(index, density) }
            }
            try combination.apply(
                base: inputs[0], Array(inputs.dropFirst()), first: rows.lowerBound * columns, into: output, count: count)
        }
        // What only the first model has stays what it is, to the bit.
        guard let narrowest = recipe.inputs.map(\.columns).min(), narrowest < columns else { return }
        for row in 0..<rows.count {
            for place in row * columns + narrowest..<(row + 1) * columns { output[place] = inputs[0][place] }
        }
    }
}

/// Memory for the rows that one thread makes.
final class MergeScratch: @unchecked Sendable {
    // SAFETY (@unchecked): taken out of a pool by one thread at a time.
    private var buffers: [Int: FloatBuffer] = [:]
    /// For products.
    let product = UnsafeMutableRawPointer.allocate(byteCount: WeightArithmetic.productScratchBytes, alignment: 64)

    deinit { product.deallocate() }

    private func buffer(_ key: Int, _ count: Int) -> UnsafeMutableBufferPointer<Float> {
        if let found = buffers[key], found.count >= count { return found.values }
        let made = FloatBuffer(count: count)
        buffers[key] = made
        return made.values
    }

    func output(_ count: Int) -> UnsafeMutableBufferPointer<Float> { buffer(-1, count) }
    func input(_ number: Int, _ count: Int) -> UnsafeMutableBufferPointer<Float> { buffer(number, count) }
    func spare(_ number: Int, _ count: Int) -> UnsafeMutableBufferPointer<Float> { buffer(-2 - number, count) }
}

/// What must be known of a whole tensor before its first row can be made; found once, by whoever needs it first.
final class PreparedMerge: Sendable {
    /// Weights or thresholds of the models.
    let models = PreparedNumbers()
    /// Factors on rows or columns that each adapter has. Those of one are found with the help of those before it.
    let updates: [PreparedNumbers]

    init(updates: Int) {
        self.updates = (0..<updates).map { _ in PreparedNumbers() }
    }
}

/// Numbers that are computed once; whoever comes meanwhile waits.
final class PreparedNumbers: Sendable {
    private let known = Mutex<[Float]?>(nil)

    func numbers(_ make: () throws(IsomerError) -> [Float]) throws(IsomerError) -> [Float] {
        var failure: IsomerError?
        let result = known.withLock { known -> [Float] in
            if let known { return known }
            do throws(IsomerError) {
                let made = try make()
                known = made
                return made
            } catch {
                failure = error
                return []
            }
        }
        if let failure { throw failure }
        return result
    }
}
