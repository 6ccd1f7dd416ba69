/// UniPC: a predictor of several steps, and a corrector that uses the model's answer once more without another call.
///
/// Reference: Zhao and others, 2023; diffusers 0.42, scheduling_unipc_multistep.py. With `bh1`, or without lowering the order at the end, that
/// one ends in NaN where the last level is zero: there the last step is of first order here, which is what is predicted as the image.
public struct UniPCSampler: Sampler {
    /// Diffusers' settings of this sampler, with its defaults.
    public struct Options: Hashable, Sendable {
        /// 1 to 3: the order of the predictor, and one less than the corrector's.
        public var order = 2
        /// The first of the paper's two functions B(h), h, rather than the second, eʰ − 1.
        public var usesFirstFunction = false
        /// The noise is predicted rather than the image.
        public var integratesNoise = false
        /// No step is of a higher order than there are steps left, itself included.
        public var lowersOrderAtEnd = true
        /// The steps after which nothing is corrected.
        public var uncorrected: [Int] = []

        public init() {}
    }

    public var timesteps: [Float] { ladder.timesteps }
    public var initialDeviation: Float { 1 }

    private let ladder: SolverLadder
    private let prediction: PredictionType
    private let options: Options
    private let bounds: ImageBounds?
    /// What was predicted at the steps before, the latest last; the sample and the order of the last step.
    private var history: [[Float]] = []
    private var lastSample: [Float] = []
    private var lastOrder = 0

    /// `bounds`: of the image that is predicted, for models of pixels; they mean nothing where the noise is integrated.
    public init(
        _ ladder: SolverLadder, _ prediction: PredictionType, _ options: Options = Options(), bounds: ImageBounds? = nil
    ) {
        self.ladder = ladder
        self.prediction = prediction
        self.options = options
        self.bounds = bounds
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let here = ladder.level(index)
        let predicted =
            options.integratesNoise
            ? prediction.noise(output, sample, here) : prediction.image(output, sample, here).kept(within: bounds)
        var sample = sample
        if !history.isEmpty, !options.uncorrected.contains(index - 1) {
            sample = moved(lastSample, from: index - 1, lastOrder, corrected: predicted)
        }
        history = history.suffix(max(0, options.order - 1)) + [predicted]
        lastSample = sample
        lastOrder = order(at: index)
        return moved(sample, from: index, lastOrder, corrected: nil)
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { ladder.level(index).mix(image, noise) }

    private func order(at index: Int) -> Int {
        let left = timesteps.count - index
        if left == 1, ladder.sigmas.last == 0 { return 1 }
        return min(options.order, history.count, options.lowersOrderAtEnd ? left : options.order)
    }

    /// One step down from level `index`, by the predictions before it and, to correct it, by the one at its end.
    private func moved(_ sample: [Float], from index: Int, _ order: Int, corrected: [Float]?) -> [Float] {
        guard let last = history.last else { return sample }
        let (start, end) = (ladder.level(index), ladder.level(index + 1))
        let width = end.logarithm - start.logarithm
        let signed = options.integratesNoise ? width : -width
        let change = Elementary.exponentialLessOne(signed)
        let function = options.usesFirstFunction ? signed : change
        let (kept, taken) =
            options.integratesNoise ? (end.signal / start.signal, end.deviation) : (end.deviation / start.deviation, end.signal)
        var terms: [(Double, [Float])] = [(kept, sample), (-taken * change, last)]

        // Differences to the predictions before, each at its share of the step's width, and to the one at the step's end.
        var shares: [Double] = []
        var slopes: [[Float]] = []
        for back in stride(from: 1, to: order, by: 1) {
            let share = (ladder.level(index - back).logarithm - start.logarithm) / width
            shares.append(share)
            slopes.append(difference(history[history.count - 1 - back], last, 1 / share))
        }
        if let corrected {
            shares.append(1)
            slopes.append(difference(corrected, last, 1))
        }
        // Weights of low orders are one half by definition rather than by solving for them.
        let isHalf = corrected == nil ? order == 2 : order == 1
        let weights = isHalf ? [0.5] : Self.weights(shares, signed, function)
        for (weight, slope) in zip(weights, slopes) { terms.append((-taken * function * weight, slope)) }
        return combine(terms)
    }

    /// The weights ρ of which Σ ρᵢ shareᵢᵏ⁻¹ = k! φₖ₊₁ / B for each k.
    private static func weights(_ shares: [Double], _ width: Double, _ function: Double) -> [Double] {
        guard !shares.isEmpty else { return [] }
        var rows: [[Double]] = []
        var phi = Elementary.exponentialLessOne(width) / width - 1
        var factorial = 1.0
        var powers = [Double](repeating: 1, count: shares.count)
        for k in 1...shares.count {
            rows.append(powers + [phi * factorial / function])
            factorial *= Double(k + 1)
            phi = phi / width - 1 / factorial
            powers = zip(powers, shares).map { $0 * $1 }
        }
        return solve(rows)
    }

    /// The unknowns of as many equations, each row with its right side last. Elimination with pivots.
    private static func solve(_ rows: [[Double]]) -> [Double] {
        var rows = rows
        let count = rows.count
        for column in 0..<count {
            let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
            rows.swapAt(column, pivot)
            for row in 0..<count where row != column {
                let factor = rows[row][column] / rows[column][column]
                for place in column...count { rows[row][place] -= factor * rows[column][place] }
            }
        }
        return rows.indices.map { rows[$0][count] / rows[$0][$0] }
    }
}
