public import ArgumentParser
internal import IsomerBytes
internal import IsomerFormats

/// `isomer scan`.
public struct Scan: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Say what files would run if somebody loaded them with Python, without loading them.",
        discussion: """
            Every pickle is looked at: in checkpoints, NumPy arrays, zip and tar archives, archives within them, and pickles within pickles, \
            whatever the files are called. A file is safe if it makes nothing but data; suspicious if it does what nobody knows or no honest \
            writer does; dangerous if it runs code or reaches the system; unreadable if it cannot be looked into.

            Exit status 1 if a file is dangerous, 2 if a path cannot be read.
            """)

    @Argument(help: ArgumentHelp("Files, and folders with everything in them.", valueName: "path"))
    var paths: [PathArgument]

    @Flag(help: "Print SARIF 2.1.0, for code scanning services.")
    var sarif = false

    @Flag(help: "List safe files too, and what they call.")
    var all = false

    @Option(help: ArgumentHelp("Look at pickles up to this size, and unpack no more from one file.", valueName: "size"))
    var maxPickleSize: ByteSize?

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public mutating func validate() throws {
        if sarif && shared.json { throw ValidationError("--sarif and --json are two forms of the same result.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        var limits = shared.limits
        // Several files are looked at side by side, so each gets less than a reader would.
        limits.pickleBytes = maxPickleSize?.bytes ?? (limits.pickleBytes == Limits().pickleBytes ? 512 << 20 : limits.pickleBytes)
        let bar = ProgressBar(environment, shared)
        let scans: [FileScan]
        do {
            defer { bar.clear() }
            scans = try Scanner(limits: limits, workers: Workers(count: shared.threads)).scan(paths.map(\.path)) { done, total in
                bar.update("Scanning", done: UInt64(done), total: UInt64(total), unit: .items("files"))
            }
        }
        let report = ScanReport(scans, listsAll: all)
        if shared.json {
            environment.writeOutput(JSONOutput.text(report.json))
        } else if sarif {
            environment.writeOutput(JSONOutput.text(report.sarif))
        } else {
            environment.writeOutput(report.text(for: environment.outputTerminal))
        }
        if scans.contains(where: { $0.verdict == .dangerous }) { return .checkFailed }
        return scans.contains { $0.problem != nil } ? .failed : .done
    }
}
