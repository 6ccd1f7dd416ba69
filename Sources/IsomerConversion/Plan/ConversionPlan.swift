public import IsomerBytes
public import IsomerTensors

/// Everything a conversion will do, decided before a byte is written.
///
/// A plan is made of plain values, so that it can be shown (`--dry-run`), checked (`check`) and carried out (`Executor`) by code that knows
/// nothing of models.
public struct ConversionPlan: Sendable {
    /// What to make of the destination path.
    public enum Shape: String, Hashable, Sendable {
        /// One weight file; if it is cut into shards, several beside each other, with an index.
        case file
        /// A folder of files.
        case folder
    }

    /// A weight file, or a set of them, that tensors come from.
    public struct Source: Sendable {
        /// How to call it in reports: a path or a component.
        public var label: String
        /// Its tensors.
        public var tensors: any TensorSource
        /// The files that its bytes come from: none of them is an output, unless the user says so, and none may change meanwhile.
        public var files: [ReadableFile]
        /// How its weights are stored, where that is not as plain numbers.
        public var packing: [PackedWeights.Kind] = []

        public init(_ label: String, _ tensors: any TensorSource, files: [ReadableFile]) {
            self.label = label
            self.tensors = tensors
            self.files = files
        }
    }

    /// Where tensors come from.
    public var sources: [Source]
    /// What the destination is.
    public var shape: Shape
    /// The weight files to write.
    public var files: [PlannedFile]
    /// The other files to write, in this order, after the weights.
    public var plainFiles: [PlainFile]
    /// Tensors of the sources that get no place of their own.
    public var setAside: [SetAside]
    /// What was settled on the user's behalf.
    public var decisions: [Decision]
    /// What the user should know besides, a sentence each, without a full stop.
    public var notes: [String]

    public init(
        sources: [Source], shape: Shape, files: [PlannedFile], plainFiles: [PlainFile] = [], setAside: [SetAside] = [],
        decisions: [Decision] = [], notes: [String] = []
    ) {
        self.sources = sources
        self.shape = shape
        self.files = files
        self.plainFiles = plainFiles
        self.setAside = setAside
        self.decisions = decisions
        self.notes = notes
    }

    /// Bytes of all tensors to be written.
    public var tensorBytes: UInt64 { files.reduce(0) { $0 &+ $1.tensorBytes } }

    /// How many tensors will be written.
    public var tensorCount: Int { files.reduce(0) { $0 + $1.tensors.count } }
}
