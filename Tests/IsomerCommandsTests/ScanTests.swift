import IsomerBytes
import IsomerCommands
import Testing

@Suite struct ScanTests {
    private static let hostile = Array("cos\nsystem\n(S'touch \u{1B}[2J owned'\ntR.".utf8)

    private func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.file("bad.pkl", Self.hostile)
        try folder.file("good.pkl", Array("}.".utf8))
        try folder.file("odd.pkl", Array("cmine\nmake\n)R.".utf8))
        try folder.file("packed.7z", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4])
        return folder
    }

    @Test func reportIsGroupedByFile() throws {
        let folder = try folder()
        let run = CommandRun("scan", folder.path.string)
        #expect(run.status == .checkFailed)
        #expect(!run.output.contains("\u{1B}"))
        try expectSnapshot(
            run.output.split(separator: "\n").map { $0.replacing(folder.path.string, with: "FOLDER") }.joined(separator: "\n") + "\n",
            "scan")
    }

    @Test func statusTells() throws {
        let folder = try folder()
        #expect(CommandRun("scan", folder["good.pkl"].string, folder["odd.pkl"].string, folder["packed.7z"].string).status == .done)
        #expect(CommandRun("scan", folder["bad.pkl"].string, folder["missing"].string).status == .checkFailed)
        #expect(CommandRun("scan", folder["good.pkl"].string, folder["missing"].string).status == .failed)
        #expect(CommandRun("scan", folder.path.string, "--json", "--sarif").status == .usage)
        #expect(!CommandRun("scan", folder["good.pkl"].string).output.contains("good.pkl"))
        #expect(CommandRun("scan", folder["good.pkl"].string, "--all").output.contains("good.pkl"))
    }

    @Test func jsonHasEverything() throws {
        let folder = try folder()
        let json = try CommandRun("scan", folder.path.string, "--json").json
        #expect(json["schema"] == "isomer.scan/1")
        #expect(json["verdict"] == "dangerous")
        #expect(json["counts"]?["dangerous"] == .number(JSONNumber(1)))
        guard case .array(let files)? = json["files"] else { throw IsomerError(.malformed, "no files") }
        #expect(files.count == 4)
        guard case .array(let streams)? = files[0]["streams"], case .array(let findings)? = streams.first?["findings"] else {
            throw IsomerError(.malformed, "no findings")
        }
        #expect(findings.first?["callable"] == "os.system")
        #expect(findings.first?["opcode"] == "REDUCE")
        #expect(findings.first?["arguments"] == "('touch \\u{1b}[2J owned')")
    }

    @Test func sarifIsSARIF() throws {
        let folder = try folder()
        let json = try CommandRun("scan", folder.path.string, "--sarif").json
        #expect(json["version"] == "2.1.0")
        guard case .array(let runs)? = json["runs"], case .array(let results)? = runs.first?["results"] else {
            throw IsomerError(.malformed, "no results")
        }
        #expect(results.count == 3)
        #expect(results[0]["level"] == "error")
        #expect(results[0]["ruleId"] == "dangerous")
        #expect(results.map { $0["level"] } == ["error", "warning", "note"])
        guard case .array(let rules)? = runs[0]["tool"]?["driver"]?["rules"] else { throw IsomerError(.malformed, "no rules") }
        for result in results {
            // What the schema asks of a result (`Tools/Goldens/sarif_check.py` asks everything).
            guard case .string(let rule)? = result["ruleId"], case .string(let text)? = result["message"]?["text"],
                case .array(let places)? = result["locations"], case .object(let place)? = places.first?["physicalLocation"],
                case .string(let uri)? = place["artifactLocation"]?["uri"]
            else { throw IsomerError(.malformed, "a result lacks something") }
            #expect(rules.contains { $0["id"] == .string(rule) })
            #expect(!text.isEmpty && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F })
            #expect(uri.hasPrefix("file:///"))
        }
        #expect(results[0]["locations"] != results[1]["locations"])
    }

    /// A path is bytes; a URI has each of those that are no plain letters in hexadecimal digits.
    @Test func sarifNamesPathsThatAreNoText() throws {
        let folder = try TemporaryFolder()
        let name = [0x61, 0x20, -1, 0x25, 0x0A, 0].withUnsafeBufferPointer { (bytes: UnsafeBufferPointer<CChar>) in
            bytes.baseAddress.flatMap { FilePath.Component(platformString: $0) }
        }
        let path = folder.path.appending(try #require(name))
        let descriptor = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
        try descriptor.closeAfter { _ = try descriptor.writeAll(Self.hostile) }
        let output = CommandRun("scan", folder.path.string, "--sarif").output
        #expect(output.contains("/a%20%FF%25%0A"))
    }
}
