internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerCompute
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerNetworks
internal import IsomerTensors

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What became of one component of a model when it was run.
struct ComponentValidation {
    /// Numbers of one output.
    struct Output {
        let name: String
        let shape: [Int]
        let values: [Float]
    }

    let slot: String
    let title: String
    /// Tensors that the network reads and that are missing or misshapen.
    var problems: [IsomerError] = []
    /// What runs it, if nothing speaks against it.
    private var probe: NetworkProbe?
    /// Why it was not run, where nothing speaks against it but that this version cannot.
    var notRun: IsomerError?
    var outputs: [Output] = []
    var seconds = 0.0
    /// Bytes of activations at once, as planned.
    var peak = 0
    /// Bytes of a weight that cannot be used as it is stored, at most.
    var widenedPeak = 0
    var firstNonFinite: String?
    var firstBeyondHalf: (layer: String, magnitude: Float)?
    var largest: (layer: String, magnitude: Float)?
    /// Of a Stable Diffusion 2 UNet: the mean that tells what it predicts.
    var predictionMean: Double?

    /// Whether it loaded, ran, and gave finite numbers.
    var isSound: Bool { problems.isEmpty && outputs.allSatisfy { $0.values.allSatisfy(\.isFinite) } }

    /// What the probe says the UNet predicts.
    var predicts: String? { predictionMean.map { Prediction(probed: $0).rawValue } }
}

/// How components are run.
struct ValidationSettings {
    var precision = Computation.Precision.f32
    var workers = Workers()
    /// Bytes that activations may take.
    var memory = Int.max
    /// Width and height of latents.
    var size = 16
    var seed: UInt64 = 1
    /// How many words each text encoder is asked for at most, by slot.
    var vocabularies: [String: Int] = [:]
    /// Whether a UNet is asked what it predicts.
    var asksForPrediction = false
}

extension ComponentValidation {
    /// Plans the component: what it lacks, and what memory it takes. Throws if that is more than allowed.
    init(
        _ slot: String, _ component: ModelComponent, in source: any TensorSource, _ settings: ValidationSettings
    ) throws(IsomerError) {
        let configuration = component.slot.written(component.configuration)
        self.slot = slot
        title = type(of: configuration).title
        let probe: NetworkProbe
        do throws(IsomerError) {
            probe = try NetworkProbe(configuration, size: settings.size)
        } catch {
            guard error.code == .unsupported else { throw error.about(slot) }
            notRun = error
            return
        }
        let lookup = Weights(source, under: slot + "/", isLenient: true)
        let plan = Computation.plan(workers: settings.workers, precision: settings.precision, memory: settings.memory)
        do throws(IsomerError) {
            _ = try probe.run(plan, lookup, seed: settings.seed, vocabulary: settings.vocabularies[slot] ?? .max)
            if settings.asksForPrediction { _ = try probe.predictionMean(plan, lookup) }
        } catch {
            throw error.about(slot)
        }
        peak = plan.peak
        widenedPeak = lookup.widenedPeak
        // A tensor of another shape is not taken for the network's, and so is missing too.
        let misshapen = Set(component.misshapen.flatMap(\.names).map { "\(slot)/\($0)" })
        problems = component.misshapen.map(\.error) + lookup.problems.filter { !misshapen.contains($0.location.item ?? "") }
        let (needed, overflow) = peak.addingReportingOverflow(widenedPeak)
        guard !overflow, needed <= settings.memory else {
            throw IsomerError(
                .limitExceeded, "the forward pass needs more memory than allowed", item: slot, expected: "at most \(settings.memory) bytes",
                found: "\(peak) bytes of activations and \(widenedPeak) of a weight to be widened",
                remedy: "allow more with --memory, choose a smaller --latent-size, or run other components alone with --component")
        }
        self.probe = problems.isEmpty ? probe : nil
    }

    /// Runs what was planned.
    mutating func run(in source: any TensorSource, _ settings: ValidationSettings) throws(IsomerError) {
        guard let probe else { return }
        let weights = Weights(source, under: slot + "/")
        let pass = try Computation(workers: settings.workers, precision: settings.precision, planned: peak)
        let range = ActivationRange()
        range.watch(pass)
        let clock = ContinuousClock()
        let start = clock.now
        let made = try probe.run(pass, weights, seed: settings.seed, vocabulary: settings.vocabularies[slot] ?? .max)
        outputs = made.map { output in
            Output(name: output.name, shape: output.tensor.shape, values: output.tensor.values)
        }
        seconds = (clock.now - start) / .seconds(1)
        (firstNonFinite, firstBeyondHalf, largest) = (range.firstNonFinite, range.firstBeyondHalf, range.largest)
        (pass.observer, pass.scoreObserver) = (nil, nil)
        if settings.asksForPrediction { predictionMean = try probe.predictionMean(pass, weights) }
    }
}

extension ComponentValidation.Output {
    /// Mean, standard deviation, extremes of the finite numbers.
    var moments: (mean: Double, deviation: Double, minimum: Float, maximum: Float)? {
        let finite = values.filter(\.isFinite)
        guard let first = finite.first else { return nil }
        let mean = finite.reduce(0.0) { $0 + Double($1) } / Double(finite.count)
        let variance = finite.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(finite.count)
        return (mean, variance.squareRoot(), finite.reduce(first, min), finite.reduce(first, max))
    }

    /// CRC-32 of the numbers in steps of 1/256 of the power of two above the largest: equal for equal weights on one machine, and on others
    /// unless a number lies at the very edge of a step.
    var digest: UInt32 {
        let finite = values.filter(\.isFinite)
        let peak = finite.reduce(Float(0)) { max($0, abs($1)) }
        let step = peak > 0 ? Float(sign: .plus, exponent: min(127, peak.exponent + 1), significand: 1) / 256 : 1
        let bytes = values.flatMap { value -> [UInt8] in
            let rounded = value.isFinite ? Int32(exactly: (value / step).rounded()) ?? 0 : Int32.min
            return (0..<4).map { UInt8(truncatingIfNeeded: rounded >> (8 * $0)) }
        }
        return CRC32(bytes).value
    }
}

/// How far the same outputs of two models are apart.
struct OutputDifference {
    let component: String
    let output: String
    /// The largest difference, infinite where one is not a number.
    let largest: Double
    /// The same relative to the first's largest number.
    let relative: Double
    /// Peak signal-to-noise ratio in dB; infinite for equal outputs.
    let signalToNoise: Double

    init?(_ component: String, _ first: ComponentValidation.Output, _ second: ComponentValidation.Output) {
        guard first.shape == second.shape, !first.values.isEmpty else { return nil }
        var (largest, squares, peak) = (0.0, 0.0, 0.0)
        for (a, b) in zip(first.values, second.values) {
            if a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN) { continue }
            let apart = a.isFinite && b.isFinite ? abs(Double(a) - Double(b)) : Double.infinity
            largest = max(largest, apart)
            squares += apart * apart
        }
        for a in first.values where a.isFinite { peak = max(peak, abs(Double(a))) }
        self.component = component
        output = first.name
        self.largest = largest
        relative = largest == 0 ? 0 : largest / peak
        let mean = squares / Double(first.values.count)
        signalToNoise = mean == 0 ? .infinity : 10 * log10(peak * peak / mean)
    }
}
