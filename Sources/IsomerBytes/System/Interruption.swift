internal import CBytes

/// Being asked to stop: Ctrl-C, a closed terminal, a polite `kill`.
///
/// A program opts in with `install()`; a library that only calls `check()` never changes what signals do. The first SIGINT, SIGTERM or SIGHUP
/// sets a flag, the work notices it at the next `check()`, unwinds and removes its temporaries. A second one removes the registered
/// temporaries from within the handler, unless they are being exchanged for what was there before, and ends the process at once with
/// status 128 + signal.
public enum Interruption {
    /// Sets the handlers for this process. SIGPIPE and SIGXFSZ are ignored from then on and arrive as errors of the write. A signal that was
    /// ignored already, as under `nohup`, stays ignored.
    public static func install() {
        isomer_signals_install()
    }

    /// The signal that asked to stop, if one did. A command ends with status 128 + this number.
    public static var signal: Int32? {
        let number = isomer_signals_received()
        return number == 0 ? nil : number
    }

    /// Asks to stop as the signal `number` would: for programs that have handlers of their own, and for tests. `nil` takes it back.
    public static func request(_ number: Int32?) {
        isomer_signals_set(number ?? 0)
    }

    /// Throws `interrupted` if a signal asked to stop. Costs one load: long work calls it for every piece.
    public static func check() throws(IsomerError) {
        guard isomer_signals_received() != 0 else { return }
        throw IsomerError(.interrupted, "stopped by request; nothing was changed")
    }
}

extension Interruption {
    /// Before temporaries become names of files that were there before: until they are let go, a second signal ends the process without
    /// removing any, and the next run puts back what was there.
    static func holdTemporaries() { isomer_temporaries_hold() }

    /// Once for each `holdTemporaries()`.
    static func letTemporariesGo() { isomer_temporaries_let_go() }
}

/// A temporary file or folder that a second signal removes, for as long as this value is held.
struct RegisteredTemporary: ~Copyable, Sendable {
    private let slot: Int32

    init(file path: FilePath) {
        slot = path.withPlatformString { isomer_temporaries_add($0, 0) }
    }

    init(folder path: FilePath) {
        slot = path.withPlatformString { isomer_temporaries_add($0, 1) }
    }

    deinit {
        isomer_temporaries_remove(slot)
    }
}
