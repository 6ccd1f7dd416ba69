import Foundation
import IsomerBytes
import Testing

/// The tools in Tools/Faults on the program itself, in short: Tools/Faults/all and Tools/Faults/bombs do everything.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ToolTests {
    private static let tools = Fixtures.root.removingLastComponent().pushing("Tools/Faults")

    private static func program(_ name: String) throws -> String { try RunningProgram.path(of: name).string }

    private static let canRun = ["/usr/bin/cc", "/usr/bin/bash"].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    private func run(_ tool: FilePath.Component, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.tools.appending(tool).string)
        process.arguments = arguments
        let path = try folder.file("output", []).string
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self))
    }

    @Test(.enabled(if: canRun)) func whateverFailsTheOutputIsOldOrNew() throws {
        let (status, output) = try run("all", ["--quick", Self.program("isomer")])
        #expect(status == 0, "\(output)")
        let survived = try #require(output.split(separator: "\n").last?.split(separator: " ").first.flatMap { Int($0) })
        #expect(survived > 100)
    }

    @Test(.enabled(if: canRun)) func everyPlaceAndState() throws {
        let (status, output) = try run("cases", [Self.program("isomer")])
        #expect(status == 0, "\(output)")
    }

    /// A debug build is some thirty times slower than a release build, which is held to 100 milliseconds and 100 megabytes by hand.
    @Test(.enabled(if: canRun)) func whatCostsItsReaderIsRefusedSoon() throws {
        let (status, output) = try run(
            "bombs", ["--milliseconds", "6000", "--megabytes", "160", Self.program("isomer"), Self.program("bomb-maker")])
        #expect(status == 0, "\(output)")
    }
}
