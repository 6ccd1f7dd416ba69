public import IsomerBytes

/// What a batch came to.
public struct PreparationSummary: Sendable {
    public var inputs = 0
    public var prepared = 0
    /// Files as they were after the last run.
    public var unchanged = 0
    public var leftOut = 0
    public var duplicates = 0
    public var failed = 0
    /// Inputs of the run before that are not among these. What was made of them stays, outside of archives: it may be another folder's.
    public var gone = 0
    /// Files that came out.
    public var pictures = 0
    public var bytesWritten: UInt64 = 0
    /// How many came out in each size.
    public var sizes: [PixelSize: Int] = [:]
    /// What went wrong, in the order of the inputs; at most a thousand.
    public var failures: [IsomerError] = []
    /// Folders among the inputs that hold what an earlier run made, and were passed over.
    public var earlierOutputs: [FilePath] = []
    /// What was given and holds no picture, where something else does.
    public var pathsWithoutPictures: [FilePath] = []
    /// Names for which something was decided and that no input has, in order.
    public var idleOverrides: [String] = []
    /// Pictures that resemble an earlier one, with its name; at most a thousand.
    public var resemblances: [(name: String, earlier: String)] = []

    public init() {}

    /// How many are told one by one.
    static let listLimit = 1000

    mutating func add(_ outcome: PictureOutcome) {
        bytesWritten += outcome.bytesWritten
        switch outcome.record.status {
        case .prepared:
            if outcome.isUnchanged { unchanged += 1 } else { prepared += 1 }
            for output in outcome.record.outputs {
                pictures += 1
                sizes[output.size, default: 0] += 1
            }
        case .duplicate: duplicates += 1
        case .leftOut, .excluded: leftOut += 1
        case .failed, nil:
            failed += 1
            if let failure = outcome.failure, failures.count < Self.listLimit { failures.append(failure) }
        }
    }
}
