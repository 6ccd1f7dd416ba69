import IsomerBytes
import IsomerCommands
import IsomerTensors
import Testing

/// Every command's JSON is what `Sources/IsomerCommands/Schemas` says.
@Suite struct SchemaTests {
    private static let schemas = Fixtures.root.removingLastComponent().pushing("Sources/IsomerCommands/Schemas")

    @Test func resultsAreAsPublished() throws {
        let folder = try TemporaryFolder()
        let model = Fixtures["models/sd15-tiny"].string
        let checkpoint = folder["tiny.safetensors"].string
        let half = folder["half.ckpt"].string
        let adapter = Fixtures["adapters/kohya.safetensors"].string
        let embedding = Fixtures["adapters/embedding.pt"].string
        let runs = [
            ["convert", model, checkpoint, "--dry-run", "--json"], ["convert", model, checkpoint, "--json"],
            ["convert", checkpoint, half, "--dtype", "f16", "--json"],
            ["convert", checkpoint, folder["x"].string, "--to", "ckpt", "--max-shard-size", "100KB", "--dry-run", "--json"],
            ["convert", checkpoint, folder["packed.gguf"].string, "--dtype", "q8_0", "--json"],
            ["extract", model, folder["unet.gguf"].string, "--component", "unet", "--dtype", "q4_k", "--json"],
            ["hash", checkpoint, half, "--json"], ["hash", "--write", half, "--json"], ["hash", "--check", half, "--json"],
            ["inspect", model, checkpoint, half, "--json"],
            ["inspect", "--list", "--json"], ["inspect", checkpoint, "--stats", "--tensors", "*bias", "--json"],
            ["diff", checkpoint, half, "--json"],
            ["merge", checkpoint, model, "-o", folder["merged.safetensors"].string, "--alpha", "0.25", "--json"],
            ["merge", checkpoint, "-o", folder["m.safetensors"].string, "--lora", adapter, "--dry-run", "--json"],
            ["extract", folder["merged.safetensors"].string, folder["lora.safetensors"].string, "--lora", model, "--json"],
            ["inspect", adapter, "--json"], ["convert", embedding, folder["style.png"].string, "--json"],
            ["diff", model, checkpoint, "--json"], ["metadata", "show", checkpoint, "--json"],
            ["validate", model, "--against", checkpoint, "--latent-size", "8", "--json"], ["validate", half, "--json"],
            ["metadata", "set", checkpoint, "a=b", "--json"], ["metadata", "modelspec", checkpoint, "--verify", "--json"],
            ["metadata", "modelspec", checkpoint, "--json"], ["convert", "nowhere", "x.safetensors", "--json"], ["--json"],
            ["convert", "--json"], ["tokenize", "--json", "a cat"], ["tokenize", "--json", "--flavor", "open_clip", "a &amp; b"],
            ["tokenize", "--json", "--count", Fixtures["tokenizers/README.md"].string],
            ["convert", model + "/tokenizer", folder["tokenizer.json"].string, "--json"],
            [
                "prepare", Fixtures["images/subjects"].string, "-o", folder["set"].string, "--size", "64", "--count-tokens",
                "--caption-from", "file-name", "--json",
            ],
            ["scan", model, checkpoint, half, "nowhere", "--json"],
            ["generate", model, "--width", "24", "--height", "16", "--steps", "2", "-o", folder["cat.png"].string, "--json"],
        ]
        for arguments in runs {
            let run = CommandRun(arguments)
            let text = run.output.isEmpty ? run.error.split(separator: "\n").last.map(String.init) ?? "" : run.output
            guard text.hasPrefix("{") else {
                #expect(arguments == ["--json"])
                continue
            }
            let value = try JSONValue(parsing: Array(text.utf8))
            guard case .string(let name)? = value["schema"], let short = name.split(separator: "/").first?.dropFirst("isomer.".count) else {
                Issue.record("no schema from \(arguments)")
                continue
            }
            let schema = try JSONValue(contentsOf: Self.schemas.pushing(FilePath(String(short) + ".json")))
            let problems = Self.problems(of: value, schema, at: "")
            #expect(problems == [], "\(arguments)")
        }
    }

    /// The part of JSON Schema that the descriptions use.
    private static func problems(of value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        if let constant = schema["const"] { return value == constant ? [] : ["\(place): not \(constant)"] }
        if case .array(let choices)? = schema["enum"] { return choices.contains(value) ? [] : ["\(place): \(value) is no choice"] }
        let allowed: [JSONValue] = if case .array(let types)? = schema["type"] { types } else { schema["type"].map { [$0] } ?? [] }
        guard allowed.contains(where: { matches(value, $0) }) else { return ["\(place): \(value.kind) instead of \(allowed)"] }
        switch value {
        case .array(let elements):
            return elements.enumerated().flatMap { problems(of: $1, schema["items"] ?? [:], at: "\(place)[\($0)]") }
        case .object(let object):
            var found: [String] = []
            if case .array(let required)? = schema["required"] {
                for case .string(let key) in required where object[key] == nil { found.append("\(place): lacks \(key)") }
            }
            for (key, member) in object {
                if let inner = schema["properties"]?[key] {
                    found += problems(of: member, inner, at: "\(place).\(key)")
                } else if let others = schema["additionalProperties"], others != false {
                    found += problems(of: member, others, at: "\(place).\(key)")
                } else {
                    found.append("\(place): \(key) is not described")
                }
            }
            return found
        default: return []
        }
    }

    private static func matches(_ value: JSONValue, _ type: JSONValue) -> Bool {
        switch (value, type) {
        case (.string, "string"), (.bool, "boolean"), (.null, "null"), (.array, "array"), (.object, "object"), (.number, "number"): true
        case (.number(let number), "integer"): number.isInteger
        default: false
        }
    }
}
