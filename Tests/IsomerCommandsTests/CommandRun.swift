import IsomerBytes
import IsomerCommands
import Synchronization

/// What a command said and how it ended, run inside this process.
struct CommandRun {
    var status: ExitStatus
    var output: String
    var error: String

    init(_ arguments: String..., outputTerminal: Terminal? = nil, errorTerminal: Terminal? = nil) {
        self.init(arguments, outputTerminal: outputTerminal, errorTerminal: errorTerminal)
    }

    init(_ arguments: [String], outputTerminal: Terminal? = nil, errorTerminal: Terminal? = nil) {
        let said = Said()
        status = Isomer.run(
            arguments,
            in: CommandEnvironment(
                outputTerminal: outputTerminal, errorTerminal: errorTerminal,
                writeOutput: { text in said.output.withLock { $0 += text } }, writeError: { text in said.error.withLock { $0 += text } }))
        output = said.output.withLock { $0 }
        error = said.error.withLock { $0 }
    }

    /// The result as JSON.
    var json: JSONValue {
        get throws { try JSONValue(parsing: Array(output.utf8)) }
    }

    private final class Said: Sendable {
        let output = Mutex("")
        let error = Mutex("")
    }
}
