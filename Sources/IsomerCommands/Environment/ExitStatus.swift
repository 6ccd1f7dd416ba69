public import IsomerBytes

/// What a command tells the shell.
public struct ExitStatus: Hashable, Sendable {
    public let rawValue: Int32

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// Done.
    public static let done = ExitStatus(0)
    /// A check that the user asked for failed: the files differ, the model is unsafe or does not load.
    public static let checkFailed = ExitStatus(1)
    /// The input cannot be read or the output cannot be written.
    public static let failed = ExitStatus(2)
    /// The command line is wrong (sysexits' `EX_USAGE`).
    public static let usage = ExitStatus(64)

    /// Stopped by a signal: what shells report for a process that one ended.
    public static func interrupted(bySignal number: Int32) -> ExitStatus { ExitStatus(128 + number) }
}

extension ExitStatus {
    /// The status that an error leads to.
    public init(_ error: IsomerError) {
        switch error.code {
        case .usage: self = .usage
        // Without a signal it was a caller of the library who asked; a shell's user knows Ctrl-C as 130.
        case .interrupted: self = .interrupted(bySignal: Interruption.signal ?? 2)
        case .cannotRead, .cannotWrite, .malformed, .unsupported, .unsafe, .limitExceeded, .mismatch, .undecided: self = .failed
        }
    }
}
