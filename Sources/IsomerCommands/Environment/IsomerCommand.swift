public import ArgumentParser
internal import IsomerBytes
internal import IsomerTensors

/// A subcommand of `isomer`.
public protocol IsomerCommand: ParsableCommand {
    /// What every subcommand understands.
    var shared: SharedOptions { get }

    /// Does the work. Throws for everything that leads to an exit status of 2 or more; failed checks are returned.
    func run(in environment: CommandEnvironment) throws -> ExitStatus
}

extension IsomerCommand {
    /// For whoever runs a command without `Isomer.run`.
    public func run() throws {
        let status = try run(in: StandardStreams().environment)
        if status != .done { throw ExitCode(status.rawValue) }
    }
}

extension Isomer {
    /// Runs the program with these arguments, the program's name not among them.
    public static func run(_ arguments: [String], in environment: CommandEnvironment) -> ExitStatus {
        if LimitArgument.asksForList(arguments) {
            environment.writeOutput(LimitArgument.listing + "\n")
            return .done
        }
        let isJSON = arguments.prefix { $0 != "--" }.contains("--json")
        if let error = UnknownCommand.error(in: arguments) {
            environment.report(error, asJSON: isJSON)
            return ExitStatus(error)
        }
        do {
            try KernelLevel.check(wish: KernelLevel.wish)
            var command = try parseAsRoot(arguments)
            if let command = command as? any IsomerCommand { return try command.run(in: environment) }
            // The root without a subcommand, and `help`: their own `run` throws what is to be printed.
            try command.run()
            return .done
        } catch let error as IsomerError {
            environment.report(error, asJSON: isJSON)
            return ExitStatus(error)
        } catch {
            let status = exitCode(for: error)
            if status == .success {
                environment.writeOutput(message(for: error) + "\n")
                return .done
            }
            if isJSON {
                environment.report(IsomerError(.usage, message(for: error)), asJSON: true)
            } else {
                environment.writeError(fullMessage(for: error).replacingPrefix("Error: ", with: "isomer: ") + "\n")
            }
            return .usage
        }
    }

    /// The whole life of the process.
    public static func runProcess(_ arguments: [String]) -> Int32 {
        Interruption.install()
        let streams = StandardStreams()
        let status = run(arguments, in: streams.environment)
        switch streams.outputFailure {
        case nil: return status.rawValue
        // The reader has gone, as `head` does: what SIGPIPE would have said.
        case .brokenPipe?: return 128 + 13
        case let failure?:
            streams.environment.report(IsomerError.writing("standard output", failure), asJSON: false)
            return ExitStatus.failed.rawValue
        }
    }
}

extension CommandEnvironment {
    /// Tells of a failure: one sentence, or one JSON object on a line.
    func report(_ error: IsomerError, asJSON: Bool) {
        writeError(asJSON ? JSONWriter(style: .compact).text(error.json) + "\n" : "isomer: \(error)\n")
    }

    /// Tells of something the user should know though the work goes on.
    func warn(_ sentence: String, _ options: SharedOptions) {
        guard !options.quiet else { return }
        writeError("isomer: warning: \(escapedForDisplay(sentence))\n")
    }
}

extension IsomerError {
    /// The published form: `Sources/IsomerCommands/Schemas/error.json`.
    var json: JSONValue {
        var error: JSONObject = ["code": .string(code.rawValue), "what": .string(what)]
        error["path"] = location.path.map { .string($0.string) }
        error["item"] = location.item.map { .string($0) }
        error["byteOffset"] = location.byteOffset.map { .number(JSONNumber($0)) }
        error["expected"] = expected.map { .string($0) }
        error["found"] = found.map { .string($0) }
        error["remedy"] = remedy.map { .string($0) }
        return ["schema": "isomer.error/1", "error": .object(error), "message": .string(description)]
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
