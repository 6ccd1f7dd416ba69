public import ArgumentParser

/// What every subcommand understands.
public struct SharedOptions: ParsableArguments {
    @Flag(name: .long, help: "Print the result as JSON.")
    public var json = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing but the result and errors.")
    public var quiet = false

    @Option(name: .long, help: ArgumentHelp("Use this many threads.", valueName: "count"))
    public var threads: Int?

    public init() {}

    public func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes a number from 1 to 1024.") }
    }
}
