import ArgumentParser
import IsomerBytes
import Testing

@testable import IsomerCommands

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Compares `text` with what stands in `Snapshots/<name>.txt`. With `ISOMER_RECORD_SNAPSHOTS` set it writes the file instead.
func expectSnapshot(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let path = FilePath(#filePath).removingLastComponent().pushing(FilePath("Snapshots/\(name).txt"))
    if getenv("ISOMER_RECORD_SNAPSHOTS") != nil {
        let file = try AtomicFile(path: path, byteCount: nil, overwrite: true)
        try file.file.write(Array(text.utf8), at: 0)
        try file.commit()
        return
    }
    let expected = String(decoding: try ReadableFile(path).contents(limit: 1 << 20), as: UTF8.self)
    #expect(text == expected, "differs from Snapshots/\(name).txt", sourceLocation: sourceLocation)
}

@Suite struct HelpTests {
    static let subcommands = Isomer.configuration.subcommands.map { $0._commandName }

    @Test(arguments: ["isomer"] + subcommands) func helpIsAsPublished(_ name: String) throws {
        let command =
            name == "isomer"
            ? Isomer.self as any ParsableCommand.Type : Isomer.configuration.subcommands.first { $0._commandName == name } ?? Isomer.self
        try expectSnapshot(Isomer.helpMessage(for: command, columns: 100), "help-\(name)")
    }

    @Test func limitsAreListed() throws {
        for run in [CommandRun("--limit", "list"), CommandRun("hash", "--limit=list")] { try expectSnapshot(run.output, "limits") }
    }
}
