import IsomerCommands
import Testing

@Suite struct UnknownCommandTests {
    @Test(arguments: [
        (["convret", "a", "b"], "isomer convert"), (["help", "inspct"], "isomer inspect"), (["gen"], "isomer generate"),
        (["metadata", "stat"], "isomer metadata set"), (["help", "metadata", "shwo"], "isomer metadata show"),
        (["a.safetensors"], "isomer inspect a.safetensors"), (["metadata", "a.safetensors"], "isomer metadata show a.safetensors"),
    ])
    func theCommandThatIsMeantIsNamed(_ arguments: [String], _ meant: String) {
        let run = CommandRun(arguments)
        #expect(run.status == .usage)
        #expect(run.output.isEmpty)
        #expect(run.error.contains("perhaps '\(meant)' is meant"), "\(run.error)")
    }

    @Test(arguments: [["nosuch"], ["help", "nosuch"], ["metadata", "x"]])
    func otherwiseAllAreShownTheWayTo(_ arguments: [String]) {
        let run = CommandRun(arguments)
        #expect(run.status == .usage)
        #expect(!run.error.contains("perhaps"))
        #expect(run.error.contains("--help' lists all"))
    }

    @Test(arguments: [
        ["help"], ["help", "help"], ["help", "convert"], ["help", "metadata", "show"], ["help", "convert", "more"], ["--help"],
        ["metadata"],
    ])
    func helpIsHelp(_ arguments: [String]) {
        let run = CommandRun(arguments)
        #expect(run.status == .done)
        #expect(run.output.contains("USAGE"))
        #expect(run.error.isEmpty)
    }

    @Test func asJSONToo() {
        let run = CommandRun("convret", "--json")
        #expect(run.status == .usage)
        #expect(run.error.contains(#""code":"usage""#))
    }
}
