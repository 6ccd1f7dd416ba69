internal import CKernels
public import IsomerBytes

/// Sums and products of weights in 32-bit floats: what merging models and applying adapters needs of linear algebra.
///
/// Buffers are checked against the sizes that are given; one that is too small throws `usage`. Any number of threads may call at once.
public enum WeightArithmetic {
    /// `output[i] = Σ weights[k] · inputs[k][i]` for `count` elements, summed in order of `k`. `output` may be one of the inputs.
    public static func weightedSum(
        _ inputs: [UnsafeMutableBufferPointer<Float>], _ weights: [Float], into output: UnsafeMutableBufferPointer<Float>, count: Int
    ) throws(IsomerError) {
        guard !inputs.isEmpty, inputs.count == weights.count, (inputs + [output]).allSatisfy({ $0.count >= count }) else {
            throw tooSmall(count)
        }
        guard count > 0 else { return }
        let pointers = inputs.map { UnsafePointer<Float>($0.baseAddress) }
        // SAFETY: every buffer holds `count` elements.
        isomer_weighted_sum(KernelLevel.current.native, pointers, weights, inputs.count, output.baseAddress, count)
    }

    /// `output[m][n] = Σ left[m][c] · right[n][c]`: rows × depth times (columns × depth)ᵀ. `scratch` is `productScratchBytes` long.
    public static func product(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, rows: Int, columns: Int, depth: Int,
        into output: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
    ) {
        guard rows > 0, columns > 0, depth > 0 else { return }
        var job = isomer_matrix_job()
        job.input = left
        job.input_stride = depth
        job.channels = depth
        job.images = 1
        job.input_height = 1
        job.input_width = rows
        job.output_height = 1
        job.output_width = rows
        job.kernel_height = 1
        job.kernel_width = 1
        job.stride = 1
        job.magnification = 1
        job.weights = UnsafeRawPointer(right)
        job.weight_type = ISOMER_F32
        job.outputs = columns
        job.output = output
        job.output_stride = columns
        job.scale = 1
        job.activation = ISOMER_ACTIVATION_NONE
        let level = KernelLevel.current.native
        let plan = isomer_matrix_planned(level, &job)
        let count = plan.columns
        // As many panels at a time as stay in a core's cache beside the rows.
        let panels = max(1, (512 << 10) / max(1, plan.panel_bytes))
        let packed = UnsafeMutableRawPointer.allocate(byteCount: panels * plan.panel_bytes, alignment: 64)
        defer { packed.deallocate() }
        for first in stride(from: 0, to: count, by: panels * plan.panel) {
            let end = min(count, first + panels * plan.panel)
            // SAFETY: the caller's matrices have the extents given, and `packed` has room for these panels.
            isomer_matrix_pack(level, &job, first, end, packed, scratch)
            isomer_matrix_run(level, &job, packed, 0, plan.strips, first, end, scratch)
        }
    }

    /// Bytes of scratch memory that one `product` at a time needs, at an address divisible by 64.
    public static var productScratchBytes: Int { isomer_matrix_scratch() }

    /// `Σ a·b` in 64-bit floats.
    public static func dot(
        _ a: UnsafeMutableBufferPointer<Float>, _ b: UnsafeMutableBufferPointer<Float>, count: Int
    ) throws(IsomerError) -> Double {
        guard a.count >= count, b.count >= count, let left = a.baseAddress, let right = b.baseAddress else { throw tooSmall(count) }
        return isomer_dot(KernelLevel.current.native, left, right, count)
    }

    private static func tooSmall(_ count: Int) -> IsomerError {
        IsomerError(.usage, "a buffer of weights is too small", expected: "\(count) elements")
    }
}

/// How changes of several models from one base are thinned out and combined: task arithmetic, TIES and DARE.
///
/// References: Yadav et al., "TIES-Merging", 2023; Yu et al., "Language models are super Mario", 2023; arcee-ai/mergekit,
/// mergekit/merge_methods/generalized_task_arithmetic.py, for what of them is called what.
public struct TaskVectorCombination: Hashable, Sendable {
    /// One factor for each model.
    public var weights: [Float]
    /// Changes smaller than these are taken for zero, one for each model.
    public var thresholds: [Float]
    /// The share of changes that chance keeps, and the sequences that decide, one for each model.
    public var chance: (kept: Double, keys: [UInt64])?
    /// Whether changes against the sign of the sum are left out.
    public var electsSign: Bool
    /// Whether the sum is divided by the weights of what is in it.
    public var normalizes: Bool
    /// A factor on what is added to the base.
    public var scale: Float

    public init(
        weights: [Float], thresholds: [Float], chance: (kept: Double, keys: [UInt64])? = nil, electsSign: Bool, normalizes: Bool,
        scale: Float = 1
    ) {
        self.weights = weights
        self.thresholds = thresholds
        self.chance = chance
        self.electsSign = electsSign
        self.normalizes = normalizes
        self.scale = scale
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.weights == right.weights && left.thresholds == right.thresholds && left.chance?.kept == right.chance?.kept
            && left.chance?.keys == right.chance?.keys && left.electsSign == right.electsSign && left.normalizes == right.normalizes
            && left.scale == right.scale
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(weights)
        hasher.combine(thresholds)
        hasher.combine(scale)
    }

    /// Combines `count` elements, of which the first is number `first` of its tensor. Throws `usage` for buffers or lists that do not agree,
    /// or more than 64 models.
    public func apply(
        base: UnsafeMutableBufferPointer<Float>, _ inputs: [UnsafeMutableBufferPointer<Float>], first: Int,
        into output: UnsafeMutableBufferPointer<Float>, count: Int
    ) throws(IsomerError) {
        guard inputs.count <= 64, weights.count == inputs.count, thresholds.count == inputs.count,
            chance.map({ $0.keys.count == inputs.count && $0.kept > 0 && $0.kept <= 1 }) ?? true, first >= 0,
            (inputs + [base, output]).allSatisfy({ $0.count >= count })
        else { throw IsomerError(.usage, "models to be combined do not agree in number or size", found: "\(inputs.count)") }
        guard count > 0 else { return }
        let pointers = inputs.map { UnsafePointer<Float>($0.baseAddress) }
        weights.withUnsafeBufferPointer { weights in
            thresholds.withUnsafeBufferPointer { thresholds in
                (chance?.keys ?? []).withUnsafeBufferPointer { keys in
                    var job = isomer_task_vectors()
                    job.weights = weights.baseAddress
                    job.thresholds = thresholds.baseAddress
                    job.keys = chance == nil ? nil : keys.baseAddress
                    job.kept = UInt64((chance?.kept ?? 1) * 4_294_967_296)
                    job.rescale = Float(1 / (chance?.kept ?? 1))
                    job.elects_sign = electsSign
                    job.normalizes = normalizes
                    job.scale = scale
                    // SAFETY: every buffer holds `count` elements, every list one entry for each model.
                    isomer_combine_task_vectors(
                        &job, base.baseAddress, pointers, pointers.count, UInt64(first), output.baseAddress, count)
                }
            }
        }
    }

    /// A sequence's name that follows from a seed, a tensor's name and a model's number.
    public static func key(seed: UInt64, tensor: String, model: Int) -> UInt64 {
        ((seed.mixed ^ UInt64(fnv1a: tensor)).mixed &+ UInt64(truncatingIfNeeded: model)).mixed
    }
}
