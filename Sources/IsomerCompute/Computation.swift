internal import CKernels
public import IsomerBytes
public import IsomerTensors

/// One forward pass: the threads, instructions and memory that its operations use.
///
/// A network is written as functions of a `Computation`. The same text runs twice: as a plan, in which tensors have shapes but no memory and
/// weights are only looked up, and for real.
public final class Computation {
    /// What operands of matrix products are rounded to. Sums, and everything else, are f32.
    public enum Precision: String, Hashable, Sendable, CaseIterable {
        case f32, bf16
    }

    /// The threads.
    public let workers: Workers
    /// The instructions.
    public let level: KernelLevel
    /// How exact matrix products are.
    public let precision: Precision
    let arena: Arena
    /// Told of every tensor that a layer with weights makes, and of products and sums of those, with the layer's name. Not called in a plan.
    public var observer: ((_ layer: String, _ output: Tensor) throws(IsomerError) -> Void)?

    /// Told how large an attention's products of queries and keys are before they are scaled, where they may be beyond `limit`: they are no
    /// layer's output, and overflow in f16 before any other number of some networks.
    public var scoreObserver: (limit: Float, report: (_ layer: String, _ magnitude: Float) throws(IsomerError) -> Void)?

    private let scratch: [Scratch]
    /// `nil` in a plan.
    private let pool: WorkerPool?

    /// A plan, to be run over the network first. Nothing is computed. Throws from the operation that would take more than `memory` bytes.
    public static func plan(
        workers: Workers = Workers(), precision: Precision = .f32, memory: Int = .max
    ) -> Computation {
        Computation(workers, .current, precision, Arena(planningUpTo: memory), [], nil)
    }

    /// A pass for real, with memory as a plan found it; without a plan, memory is taken as needed. Without `heedsInterruption` it is finished
    /// though the user asks to stop.
    public convenience init(
        workers: Workers = Workers(), precision: Precision = .f32, planned bytes: Int = 0, level: KernelLevel = .current,
        heedsInterruption: Bool = true
    ) throws(IsomerError) {
        var scratch: [Scratch] = []
        let size = max(isomer_matrix_scratch(), isomer_attention_scratch(Int(ISOMER_ATTENTION_HEAD)))
        for _ in 0..<workers.count { scratch.append(Scratch(address: try Arena.allocate(size))) }
        self.init(workers, level, precision, try Arena(capacity: bytes), scratch, WorkerPool(workers, heedsInterruption: heedsInterruption))
    }

    private init(
        _ workers: Workers, _ level: KernelLevel, _ precision: Precision, _ arena: Arena, _ scratch: [Scratch], _ pool: WorkerPool?
    ) {
        self.workers = workers
        self.level = level
        self.precision = precision
        self.arena = arena
        self.scratch = scratch
        self.pool = pool
    }

    deinit { for piece in scratch { Arena.release(piece.address) } }

    /// Whether nothing is computed.
    public var isPlanning: Bool { arena.isPlanning }

    /// The most bytes that tensors took at once.
    public var peak: Int { arena.peak }

    /// A tensor whose numbers are not set yet.
    func tensor(_ shape: [Int]) throws(IsomerError) -> Tensor { try Tensor(shape, in: arena) }

    /// A tensor of zeros.
    public func zeros(_ shape: [Int]) throws(IsomerError) -> Tensor { try filled(shape, 0) }

    /// A tensor of one number.
    public func filled(_ shape: [Int], _ value: Float) throws(IsomerError) -> Tensor {
        let tensor = try Tensor(shape, in: arena)
        tensor.address?.update(repeating: value, count: tensor.count)
        return tensor
    }

    /// A tensor with these numbers, row-major.
    public func tensor(_ shape: [Int], _ values: [Float]) throws(IsomerError) -> Tensor {
        let tensor = try Tensor(shape, in: arena)
        guard tensor.count == values.count else {
            throw IsomerError(.mismatch, "a shape and its numbers differ", expected: "\(tensor.count)", found: "\(values.count)")
        }
        values.withUnsafeBufferPointer { if let base = $0.baseAddress { tensor.address?.update(from: base, count: $0.count) } }
        return tensor
    }

    /// Memory of one thread at a time.
    struct Scratch: @unchecked Sendable {
        // SAFETY (@unchecked): a worker's number belongs to one thread at a time, and so does the scratch memory of that number.
        let address: UnsafeMutableRawPointer
    }

    /// Does `items` pieces of work on all threads. `body` gets the piece's number and its thread's scratch memory.
    func parallel(_ items: Int, _ body: @Sendable (_ item: Int, _ scratch: UnsafeMutableRawPointer) -> Void) throws(IsomerError) {
        try parallel(items) { item, _, scratch in body(item, scratch) }
    }

    /// The same for pieces that also want to know which worker, below `workers.count`, they are on.
    func parallel(
        _ items: Int, _ body: @Sendable (_ item: Int, _ worker: Int, _ scratch: UnsafeMutableRawPointer) -> Void
    ) throws(IsomerError) {
        guard let pool else { return }
        let scratch = scratch
        try pool.run(items) { item, worker throws(IsomerError) in body(item, worker, scratch[worker].address) }
    }

    /// Splits `count` rows of about `cost` numbers each into pieces of work, the same whatever the number of threads.
    func parallelRows(_ count: Int, cost: Int, multipleOf unit: Int = 1, _ body: @Sendable (_ rows: Range<Int>) -> Void) throws(IsomerError)
    {
        let rows = max(1, 65_536 / max(1, cost) / unit) * unit
        try parallel((count + rows - 1) / rows) { item, _ in body(item * rows..<min(count, (item + 1) * rows)) }
    }
}

extension KernelLevel {
    /// The kernels' name of it.
    var kernels: isomer_level { isomer_level(rawValue: numericCast(rawValue)) }
}
