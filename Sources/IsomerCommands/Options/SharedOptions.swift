public import ArgumentParser
public import IsomerBytes

/// What every subcommand understands.
public struct SharedOptions: ParsableArguments {
    @Flag(name: .long, help: "Print the result as JSON.")
    public var json = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but the result and errors.")
    public var quiet = false

    @Option(name: .long, help: ArgumentHelp("Use this many threads.", valueName: "count"))
    public var threads: Int?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Change how much one file may take of something, such as pixels=2000000000; `--limit list` shows all. May be repeated.",
            valueName: "name=value"))
    var limit: [LimitArgument] = []

    /// The defaults with what the user changed.
    public var limits: Limits {
        var limits = Limits()
        for change in limit { _ = limits.set(change.name, to: change.value) }
        return limits
    }

    public init() {}

    public func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024.") }
    }
}
