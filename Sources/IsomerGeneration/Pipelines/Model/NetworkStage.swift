import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute
import IsomerTensors

/// How networks are run.
public struct ComputeSettings: Sendable {
    /// The threads.
    public var workers = Workers()
    /// What operands of matrix products are rounded to.
    public var precision = Computation.Precision.f32
    /// Bytes that activations, and weights that are not used as they are stored, may take.
    public var memory = Int.max

    public init() {}
}

/// A component of a model that is run: its weights, and memory for its passes while they follow each other.
///
/// A rehearsal runs the same text and computes nothing: it finds missing tensors, shapes that do not fit, and how much memory it takes.
final class NetworkStage {
    /// What errors call it.
    let name: String
    private let source: any TensorSource
    private let settings: ComputeSettings
    private let isRehearsal: Bool
    /// Whether tensors that have to be made stay in memory once they are.
    private let keepsMade: Bool
    /// Whether a pass that has begun is finished though the user asks to stop.
    private let finishesPasses: Bool
    private var weights: Weights?
    private var pass: Computation?

    /// The most bytes that a pass was found to take.
    private(set) var peak = 0

    init(
        _ name: String, _ source: any TensorSource, _ settings: ComputeSettings, isRehearsal: Bool, keepsMade: Bool,
        finishesPasses: Bool = false
    ) {
        self.finishesPasses = finishesPasses
        self.name = name
        self.source = source
        self.settings = settings
        self.isRehearsal = isRehearsal
        self.keepsMade = keepsMade
    }

    /// Runs `body` and returns copies of the tensors that it makes.
    ///
    /// Throws `limitExceeded` if it would take more memory than allowed.
    func run(_ body: (Computation, Module) throws(IsomerError) -> [Tensor]) throws(IsomerError) -> [Values] {
        do throws(IsomerError) {
            let weights = self.weights ?? openedWeights()
            if pass == nil {
                let plan = Computation.plan(workers: settings.workers, precision: settings.precision, memory: settings.memory)
                let planned = try body(plan, weights.root).map { Values($0) }
                peak = plan.peak
                let (needed, overflow) = plan.peak.addingReportingOverflow(weights.widenedPeak)
                guard !overflow, needed <= settings.memory else {
                    throw IsomerError(
                        .limitExceeded, "it needs more memory than allowed", expected: "at most \(settings.memory) bytes",
                        found: "\(plan.peak) bytes of activations and \(weights.widenedPeak) of a weight to be widened",
                        remedy: "allow more with --memory, or choose a smaller size")
                }
                if isRehearsal { return planned }
                pass = try Computation(
                    workers: settings.workers, precision: settings.precision, planned: plan.peak, heedsInterruption: !finishesPasses)
            }
            guard let pass else { return [] }
            return try body(pass, weights.root).map { Values($0) }
        } catch {
            throw error.about(name)
        }
    }

    private func openedWeights() -> Weights {
        let weights = Weights(source)
        weights.keepsMade = keepsMade
        self.weights = weights
        return weights
    }

    /// Gives memory back that only the next pass would need, and lets go of the mapped file. What had to be made of several tensors stays.
    func rest() {
        pass = nil
        if !keepsMade { weights = nil }
    }
}
