import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct MetadataTests {
    private let folder: TemporaryFolder
    private let file: FilePath
    private let data = Weights.floats([1, 2, 3])

    init() throws {
        folder = try TemporaryFolder()
        file = folder["model.safetensors"]
        try Weights.write([("w", .f32, [3], data)], metadata: ["format": "pt", "ss_steps": "7"], to: file)
    }

    private var metadata: FileMetadata {
        get throws { try SafetensorsReader(file).metadata }
    }

    @Test func setsAndRemoves() throws {
        #expect(CommandRun("metadata", "set", file.string, "author=a=b", "title=ü\"\n", "-q").status == .done)
        #expect(try metadata == ["format": "pt", "ss_steps": "7", "author": "a=b", "title": "ü\"\n"])
        #expect(try folder.bytes("model.safetensors").suffix(12).elementsEqual(data))
        #expect(CommandRun("metadata", "remove", file.string, "ss_*", "title", "-q").status == .done)
        #expect(try metadata == ["format": "pt", "author": "a=b"])
        #expect(CommandRun("metadata", "remove", file.string, "title").status == .failed)
        #expect(CommandRun("metadata", "remove", file.string, "*").status == .done)
        #expect(try SafetensorsReader(file).hasMetadataEntry == false)
    }

    /// What it writes is what the reference would have written with that metadata.
    @Test func makesTheReferencesBytes() throws {
        #expect(CommandRun("metadata", "set", file.string, "title=x", "--output", folder["new.safetensors"].string).status == .done)
        try Weights.write(
            [("w", .f32, [3], data)], metadata: ["format": "pt", "ss_steps": "7", "title": "x"], to: folder["reference.safetensors"])
        #expect(try folder.bytes("new.safetensors") == folder.bytes("reference.safetensors"))
        #expect(try metadata["title"] == nil)
    }

    /// Entries keep their order and their own text, and data keeps its place, even where the reference would do it otherwise.
    @Test func leavesTheRestOfTheHeaderAlone() throws {
        let b = #""b" : {"shape":[1],"dtype":"U8","data_offsets":[0,1]}"#
        let a = #""a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}"#
        func write(_ header: String) throws {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) } + Array(header.utf8) + [7, 9]
            try folder.file("model.safetensors", bytes)
        }
        try write("{\(b), \"__metadata__\": {\"x\":\"1\"} ,\(a)}      ")
        #expect(CommandRun("metadata", "set", file.string, "x=2").status == .done)
        let text = try String(decoding: folder.bytes("model.safetensors").dropFirst(8).dropLast(2), as: UTF8.self)
        #expect(text.hasPrefix("{\(b),\"__metadata__\":{\"x\":\"2\"},\(a)}"))
        #expect(try SafetensorsReader(file).bytes(of: 1) == [9])
    }

    @Test func changesTheHeaderInPlaceWhereItFits() throws {
        let identity = try FileSystem.identity(of: file)
        let size = try ReadableFile(file).size
        #expect(CommandRun("metadata", "set", file.string, "ss_steps=8", "--in-place").status == .done)
        #expect(try metadata == ["format": "pt", "ss_steps": "8"])
        #expect(CommandRun("metadata", "remove", file.string, "ss_steps", "--in-place").status == .done)
        #expect(try FileSystem.identity(of: file).isSameFile(as: identity))
        #expect(try ReadableFile(file).size == size)
        let before = try folder.bytes("model.safetensors")
        let refused = CommandRun("metadata", "set", file.string, "title=\(String(repeating: "x", count: 500))", "--in-place")
        #expect(refused.status == .failed)
        #expect(refused.error.contains("does not fit"))
        #expect(try folder.bytes("model.safetensors") == before)
    }

    @Test func shows() throws {
        #expect(CommandRun("metadata", "show", file.string).output == "  format    pt\n  ss_steps  7\n")
        #expect(CommandRun("metadata", "show", file.string, "ss_steps").output == "  ss_steps  7\n")
        #expect(CommandRun("metadata", "show", file.string, "none").status == .failed)
        #expect(try CommandRun("metadata", "show", file.string, "--json").json["metadata"]?["format"] == "pt")
    }

    @Test func fillsInAndVerifiesTheModelSpecification() throws {
        let model = Fixtures["models/sd15-tiny"]
        #expect(CommandRun("convert", model.string, file.string, "-q", "--overwrite").status == .done)
        #expect(CommandRun("metadata", "modelspec", file.string, "--verify").status == .checkFailed)
        #expect(CommandRun("metadata", "modelspec", file.string, "author=me", "date=2026-01-31", "-q").status == .done)
        let filled = try metadata
        #expect(filled["modelspec.architecture"] == "stable-diffusion-v1")
        #expect(filled["modelspec.title"] == "model")
        #expect(filled["modelspec.prediction_type"] == "epsilon")
        #expect(filled["modelspec.author"] == "me")
        #expect(
            try filled["modelspec.hash_sha256"]
                == CommandRun("hash", file.string, "--json").json["files"].flatMap { files in
                    if case .array(let files) = files, case .string(let hash)? = files.first?["modelspec"] { hash } else { nil }
                })
        #expect(CommandRun("metadata", "modelspec", file.string, "--verify").status == .done)
        #expect(CommandRun("metadata", "set", file.string, "modelspec.hash_sha256=0x00", "modelspec.date=yesterday").status == .done)
        let wrong = CommandRun("metadata", "modelspec", file.string, "--verify", "--json")
        #expect(wrong.status == .checkFailed)
        guard case .array(let problems)? = try wrong.json["problems"] else { throw IsomerError(.malformed, "no problems") }
        #expect(problems.count == 2)
    }

    @Test func whatIsNotKnownMustBeSaid() throws {
        let refused = CommandRun("metadata", "modelspec", file.string)
        #expect(refused.status == .failed)
        #expect(refused.error.contains("add architecture=… implementation=…"))
        #expect(CommandRun("metadata", "modelspec", file.string, "architecture=x", "implementation=y", "-q").status == .done)
    }
}
