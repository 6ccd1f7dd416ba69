#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What is known of the terminal behind an output.
public struct Terminal: Hashable, Sendable {
    /// Characters to a line.
    public var columns: Int
    /// Whether it shows colours and the user wants them.
    public var showsColor: Bool

    public init(columns: Int, showsColor: Bool) {
        self.columns = columns
        self.showsColor = showsColor
    }
}

extension Terminal {
    /// The terminal behind a file descriptor; `nil` for a file or a pipe.
    init?(descriptor: Int32) {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        let isSized = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        // https://no-color.org: any value but none at all.
        let refusesColor = Self.variable("NO_COLOR").map { !$0.isEmpty } ?? false
        self.init(columns: isSized ? Int(size.ws_col) : 80, showsColor: !refusesColor && Self.variable("TERM") != "dumb")
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
