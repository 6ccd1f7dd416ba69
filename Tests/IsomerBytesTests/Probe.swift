import IsomerBytes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `writer-probe` running in a process of its own.
final class Probe {
    /// How a process ended.
    enum Ending: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    private let process: pid_t
    private let output: FileDescriptor
    private var ending: Ending?

    /// Starts it. What it prints on either stream is collected.
    init(_ arguments: [String]) throws {
        let program = try Probe.program.string
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

    /// Runs it to its end.
    static func run(_ arguments: [String]) throws -> (ending: Ending, output: String) {
        let probe = try Probe(arguments)
        let text = try probe.readAll()
        return (probe.wait(), text)
    }

    func send(_ signal: Int32) { kill(process, signal) }

    func wait() -> Ending {
        if let ending { return ending }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        let ending: Ending = signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
        self.ending = ending
        return ending
    }

    /// The next piece of what it prints: after `--hold` this waits for the moment before the commit.
    func readSome() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try buffer.withUnsafeMutableBytes { try output.read(into: $0) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    func readAll() throws -> String {
        var text = ""
        while case let piece = try readSome(), !piece.isEmpty { text += piece }
        return text
    }

    /// It lies where the test bundle lies.
    static var program: FilePath {
        get throws {
            let own = try #require(CommandLine.arguments.first.map { FilePath($0) })
            var folder = own.removingLastComponent()
            for _ in 0..<6 {
                let candidate = folder.appending("writer-probe")
                if (try? FileSystem.kind(of: candidate)) == .file { return candidate }
                folder.removeLastComponent()
            }
            throw IsomerError(.cannotRead, "writer-probe was not built beside the tests", path: own)
        }
    }

    /// The bytes that the probe writes for a seed.
    static func content(_ seed: Int, _ count: Int) -> [UInt8] {
        let piece = 16 << 10
        return stride(from: 0, to: count, by: piece).enumerated().reduce(into: []) { content, item in
            let byte = UInt8(truncatingIfNeeded: seed &* 31 &+ item.offset)
            content.append(contentsOf: [UInt8](repeating: byte, count: min(piece, count - item.element)))
        }
    }
}
