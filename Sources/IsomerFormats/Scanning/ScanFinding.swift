public import IsomerBytes

/// One thing a pickle does when Python loads it.
public struct ScanFinding: Hashable, Sendable {
    /// What is done.
    public enum Act: String, Hashable, Sendable, CaseIterable {
        /// Called, or made an instance of.
        case called
        /// Imported and not called: the module's own code runs.
        case named
        /// Given a state or items by its own methods, or changed where it was imported from.
        case changed
        /// Anything else that stands out.
        case other
    }

    /// What is done.
    public let act: Act
    /// What it is done to, as `module.name` of Python 3, or a word for what has no name.
    public let callable: String
    public let verdict: ScanVerdict
    /// Why the verdict: a few words.
    public let reason: String
    /// The arguments or the state as Python would write them, cut short. Not escaped.
    public let arguments: String?
    /// Python's name of the instruction.
    public let opcode: String
    /// The instruction's place: in the file, or in the plain bytes of the member where the stream says so.
    public let byteOffset: UInt64
    /// How often; everything else is about the first time.
    public var count = 1
}

/// One pickle, or one thing that could not be looked into.
public struct ScannedStream: Hashable, Sendable {
    /// The way to it through archives: names of members, outermost first. Empty for the file itself.
    public let members: [String]
    /// Where it begins.
    public let byteOffset: UInt64
    /// Whether offsets count from the beginning of the file; otherwise from that of the innermost member, unpacked.
    public let isInFile: Bool
    /// What it is: "pickle", or a kind of file that cannot be looked into.
    public let kind: String
    public let verdict: ScanVerdict
    /// What it does, in the order of its bytes. What makes plain data is there too, once for each callable.
    public let findings: [ScanFinding]
    /// Why looking ended early, if it did.
    public let problem: IsomerError?
}

/// What was found in one file.
public struct FileScan: Hashable, Sendable {
    public let path: FilePath
    public let byteCount: UInt64
    /// By its bytes; `nil` if it could not be opened.
    public let format: FileFormat?
    /// The worst of everything below.
    public let verdict: ScanVerdict
    public let streams: [ScannedStream]
    /// Remarks on the container, with what each is worth.
    public let remarks: [Remark]
    /// Why the file could not be read.
    public let problem: IsomerError?

    /// Something about a container.
    public struct Remark: Hashable, Sendable {
        public let verdict: ScanVerdict
        public let text: String
    }
}
