internal import IsomerBytes
internal import Synchronization

/// Where a command's words go, and what is known of who reads them.
///
/// Results go to standard output, everything said meanwhile to standard error. Commands write through this and nothing else, so that tests
/// run them inside their own process.
public struct CommandEnvironment: Sendable {
    /// Takes a piece of the result.
    public var writeOutput: @Sendable (String) -> Void
    /// Takes a piece of what is said meanwhile.
    public var writeError: @Sendable (String) -> Void
    /// The terminal that shows the result, if one does.
    public var outputTerminal: Terminal?
    /// The terminal that shows what is said meanwhile, if one does.
    public var errorTerminal: Terminal?

    public init(
        outputTerminal: Terminal? = nil, errorTerminal: Terminal? = nil,
        writeOutput: @escaping @Sendable (String) -> Void, writeError: @escaping @Sendable (String) -> Void
    ) {
        self.outputTerminal = outputTerminal
        self.errorTerminal = errorTerminal
        self.writeOutput = writeOutput
        self.writeError = writeError
    }
}

/// The process's own standard output and standard error.
final class StandardStreams: Sendable {
    /// The first error of standard output: a full disk behind `>`, or a closed pipe.
    private let failure = Mutex<Errno?>(nil)

    var outputFailure: Errno? { failure.withLock { $0 } }

    var environment: CommandEnvironment {
        CommandEnvironment(
            outputTerminal: Terminal(descriptor: FileDescriptor.standardOutput.rawValue),
            errorTerminal: Terminal(descriptor: FileDescriptor.standardError.rawValue),
            writeOutput: { [self] text in
                failure.withLock { failure in
                    guard failure == nil else { return }
                    do { try FileDescriptor.standardOutput.writeAll(text.utf8) } catch { failure = error as? Errno ?? .ioError }
                }
            },
            // Nobody can be told that standard error is gone.
            writeError: { text in _ = try? FileDescriptor.standardError.writeAll(text.utf8) })
    }
}
