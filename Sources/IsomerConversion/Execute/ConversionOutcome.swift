public import IsomerBytes
public import IsomerTensors

/// What an execution did.
public struct ConversionOutcome: Hashable, Sendable {
    /// A tensor that lost something in its cast.
    public struct Loss: Hashable, Sendable {
        /// The weight file that holds it.
        public var path: FilePath
        /// The tensor.
        public var name: String
        /// How many of its elements lost what.
        public var report: CastReport

        public init(path: FilePath, name: String, report: CastReport) {
            self.path = path
            self.name = name
            self.report = report
        }
    }

    /// A tensor whose elements became blocks.
    public struct Quantized: Hashable, Sendable {
        /// The weight file that holds it.
        public var path: FilePath
        /// The tensor.
        public var name: String
        /// The blocks' type.
        public var scalarType: ScalarType
        /// What was lost.
        public var error: QuantizationError

        public init(path: FilePath, name: String, scalarType: ScalarType, error: QuantizationError) {
            self.path = path
            self.name = name
            self.scalarType = scalarType
            self.error = error
        }
    }

    /// The files that were written, plain ones included.
    public var paths: [FilePath]
    /// What was removed because it belonged to what was replaced: shards that the new set has no use for, another model's extras.
    public var removed: [FilePath] = []
    /// How many tensors were written.
    public var tensors: Int
    /// Bytes of their elements.
    public var tensorBytes: UInt64
    /// Bytes of all files.
    public var fileBytes: UInt64
    /// How long it took, from the first look at the destination to the moment it was safe on the disk.
    public var seconds: Double
    /// The tensors that lost something in their cast, in the plan's order.
    public var losses: [Loss]
    /// The tensors that were quantised, in the plan's order.
    public var quantized: [Quantized] = []
    /// How the output was checked.
    public var verification: Verification
}

/// How far an execution has come.
public struct ConversionProgress: Hashable, Sendable {
    /// What is being done.
    public enum Phase: String, Hashable, Sendable {
        case writing, verifying
    }

    public var phase: Phase
    /// Tensor bytes that are done with.
    public var done: UInt64
    /// Tensor bytes in all.
    public var total: UInt64
}
