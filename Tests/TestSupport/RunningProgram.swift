public import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A program of this package running in a process of its own.
public final class RunningProgram {
    /// How a process ended.
    public enum Ending: Equatable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    private let process: pid_t
    private let output: FileDescriptor
    private var ending: Ending?

    /// Starts it. What it prints on either stream is collected.
    public init(_ name: String, _ arguments: [String]) throws {
        let program = try Self.path(of: name).string
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        _ = fcntl(readEnd.rawValue, F_SETFD, FD_CLOEXEC)
        _ = fcntl(writeEnd.rawValue, F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, writeEnd.rawValue, 1)
        posix_spawn_file_actions_adddup2(&actions, writeEnd.rawValue, 2)
        // The threads that run tests block all signals, and a process inherits that unless it is told otherwise.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var stops = sigset_t()
        sigemptyset(&stops)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&stops, signal) }
        posix_spawnattr_setsigdefault(&attributes, &stops)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var vector = ([program] + arguments).map { strdup($0) } + [nil]
        var process = pid_t()
        let code = posix_spawn(&process, program, &actions, &attributes, &vector, environ)
        for word in vector { free(word) }
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        try writeEnd.close()
        guard code == 0 else { throw Errno(rawValue: code) }
        self.process = process
        output = readEnd
    }

    deinit {
        if ending == nil {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        try? output.close()
    }

    public func send(_ signal: Int32) { kill(process, signal) }

    public func wait() -> Ending {
        if let ending { return ending }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        let ending: Ending = signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
        self.ending = ending
        return ending
    }

    /// Waits until it has ended, and leaves its number taken: as a parent does that never asks.
    public func waitUnasked() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    }

    /// The next piece of what it prints; empty at the end.
    public func readSome() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try buffer.withUnsafeMutableBytes { try output.read(into: $0) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    public func readAll() throws -> String {
        var text = ""
        while case let piece = try readSome(), !piece.isEmpty { text += piece }
        return text
    }

    /// Where a program lies: where the test bundle lies.
    public static func path(of name: String) throws -> FilePath {
        let own = FilePath(CommandLine.arguments.first ?? "")
        var folder = own.removingLastComponent()
        for _ in 0..<6 {
            let candidate = folder.appending(name)
            if (try? FileSystem.kind(of: candidate)) == .file { return candidate }
            folder.removeLastComponent()
        }
        throw IsomerError(.cannotRead, "\(name) was not built beside the tests", path: own)
    }
}
