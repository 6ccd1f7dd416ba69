internal import Synchronization

/// How far long work has come, drawn in one line of a terminal.
///
/// Workers on any thread call `update`; the line is redrawn at most ten times a second and removed at the end.
final class ProgressBar: Sendable {
    /// What work is counted in.
    enum Unit {
        case bytes
        /// Things by their name in the plural: "pictures".
        case items(String)

        /// `12 of 40`
        func amount(_ done: UInt64, of total: UInt64) -> String {
            switch self {
            case .bytes: "\(Numbers.bytes(done)) of \(Numbers.bytes(total))"
            case .items: "\(Numbers.grouped(Int(clamping: done))) of \(Numbers.grouped(Int(clamping: total)))"
            }
        }

        func rate(_ done: UInt64, seconds: Double) -> String {
            switch self {
            case .bytes: Numbers.rate(bytes: done, seconds: seconds)
            case .items where done > 0 && Double(done) < seconds: "\(Numbers.duration(seconds / Double(done))) each"
            case .items(let name): "\(Numbers.fixed(Double(done) / max(seconds, 1e-3), 1)) \(name)/s"
            }
        }
    }

    private struct State {
        var isDrawn = false
        var title = ""
        var began: ContinuousClock.Instant?
        var lastDrawn: ContinuousClock.Instant?
    }

    private let environment: CommandEnvironment
    private let terminal: Terminal?
    private let state = Mutex(State())

    /// Draws nothing unless standard error is a terminal and the user wants to see it.
    init(_ environment: CommandEnvironment, _ options: SharedOptions) {
        self.environment = environment
        terminal = options.quiet || options.json ? nil : environment.errorTerminal
    }

    deinit {
        clear()
    }

    /// Says that `done` of `total` of the work called `title` are behind us, and how many bytes of memory are held, where that is asked for.
    func update(_ title: String, done: UInt64, total: UInt64, unit: Unit = .bytes, memory: @autoclosure () -> UInt64? = nil) {
        guard let terminal else { return }
        let now = ContinuousClock.now
        // A worker that finds another one drawing has better things to do.
        let line: String? =
            state.withLockIfAvailable { state in
                if state.title != title {
                    state.title = title
                    state.began = now
                    state.lastDrawn = nil
                }
                // Short work needs no bar.
                guard let began = state.began, began.duration(to: now) >= .milliseconds(250) else { return nil }
                if let last = state.lastDrawn, last.duration(to: now) < .milliseconds(100) { return nil }
                state.lastDrawn = now
                state.isDrawn = true
                return Self.line(
                    title, done: done, total: total, unit: unit, seconds: began.duration(to: now) / .seconds(1), memory: memory(),
                    columns: terminal.columns)
            } ?? nil
        if let line { environment.writeError("\r\(line)\u{1B}[K") }
    }

    /// Removes the line, so that what is said next stands on a clean one.
    func clear() {
        let wasDrawn = state.withLock { state in
            defer { state.isDrawn = false }
            return state.isDrawn
        }
        if wasDrawn { environment.writeError("\r\u{1B}[K") }
    }

    /// `Writing  42%  [#########-------------]  1.80 GB of 4.27 GB  1.73 GB/s  1.4 s left`
    static func line(
        _ title: String, done: UInt64, total: UInt64, unit: Unit = .bytes, seconds: Double, memory: UInt64? = nil, columns: Int
    ) -> String {
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        let percent = "\(Int(share * 100))%"
        let left = done == 0 || share == 1 ? "" : "  \(Numbers.duration(seconds * (1 - share) / share)) left"
        let head = "\(title)  \(String(repeating: " ", count: 4 - percent.count))\(percent)  "
        let held = memory.map { "  memory \(Numbers.bytes($0))" } ?? ""
        let tail = "  \(unit.amount(done, of: total))  \(unit.rate(done, seconds: seconds))\(left)\(held)"
        // One column stays free: a cursor behind the last one makes some terminals wrap.
        let room = columns - 1 - head.count - tail.count - 2
        guard room >= 8 else { return shortened(head + tail.drop(while: { $0 == " " }), columns: max(1, columns - 1)) }
        let width = min(room, 40)
        let filled = Int(share * Double(width))
        return head + "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "]" + tail
    }
}
