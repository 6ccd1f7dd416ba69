import IsomerBytes
import Testing

@testable import IsomerFormats

/// Code, and names of code, in files that are no pickles.
@Suite struct ScannerConfigurationTests {
    private func scan(_ text: String, _ name: String) throws -> FileScan { try scan(Array(text.utf8), name) }

    private func scan(_ bytes: [UInt8], _ name: String) throws -> FileScan {
        let folder = try TemporaryFolder()
        return try Scanner().scan(file: folder.file(name, bytes))
    }

    @Test(arguments: [
        #"{"class_name": "Lambda", "config": {}}"#, #"{"class_name":"Lambda"}"#, "{\"class_name\" :\n \"Lambda\"}",
        #"{"class_name": "\u004cambda"}"#, #"{"class_\u006eame": "Lambda"}"#, #"[{"a": {"class_name": "__lambda__"}}]"#,
        #"{"module": "os", "class_name": "function", "config": "system"}"#,
        #"{"module": "builtins", "class_name": "function", "config": "eval"}"#, #"{"module": "subprocess", "class_name": "Popen"}"#,
    ]) func kerasLayersThatRunCode(_ layer: String) throws {
        let model = #"{"class_name": "Functional", "config": {"layers": [\#(layer)]}}"#
        let header: [UInt8] = [0x89] + Array("HDF\r\n\u{1A}\n".utf8)
        #expect(try scan(model, "config.json").verdict == .dangerous)
        #expect(try scan(zipArchive([("config.json", Array(model.utf8))]), "model.keras").verdict == .dangerous)
        #expect(try scan(header + [UInt8](repeating: 0, count: 3 << 20) + Array(model.utf8) + [0], "model.h5").verdict == .dangerous)
        #expect(try scan([8, 1, 18, 200, 1] + Array("root".utf8) + Array(model.utf8), "keras_metadata.pb").verdict == .dangerous)
        if layer.contains("ambda") {
            // Cut short, or with something in front that is not JSON.
            #expect(try scan(header + Array((#"{"a": "# + model).utf8), "model.h5").verdict == .dangerous)
        }
    }

    @Test(arguments: [
        (#"{"_target_": "os.system", "command": "echo"}"#, "hydra.json"), (#"{"a": [{"_target_": "builtins.eval"}]}"#, "hydra.json"),
        (#"{"_class_name": "P", "_diffusers_version": "0.30.0", "unet": ["os", "system"]}"#, "model_index.json"),
        ("model:\n  target: subprocess.Popen\n", "v1.yaml"), ("{_target_: 'os.system'}", "a.yml"),
        ("a: !!python/object/apply:os.system [echo]\n", "a.yaml"), ("!!%70ython/object/apply:os.system [echo]\n", "a.yaml"),
        ("a: !<tag:yaml.org,2002:python/name:os.system>", "a.yaml"),
        (#"{"chat_template": "{{ ''.__class__.__mro__ }}"}"#, "tokenizer_config.json"),
        (#"{"chat_template": [{"name": "a", "template": "{{ x.__init__.__globals__ }}"}]}"#, "tokenizer_config.json"),
        ("{{ cycler.__init__.__globals__.os }}", "chat_template.jinja"), (#"{{ x|attr("\x5f\x5fclass\x5f\x5f") }}"#, "a.j2"),
    ]) func configurationsThatNameWhatRuns(_ text: String, _ name: String) throws {
        let scan = try scan(text, name)
        #expect(scan.verdict == .dangerous, "\(scan)")
        #expect(scan.remarks.count == 1)
    }

    @Test func shortenedTags() throws {
        let tag = "%TAG !p! tag:yaml.org,2002:python/"
        #expect(try scan(tag + "\n--- !p!object/apply:os.system [echo]\n", "a.yaml").verdict == .dangerous)
        #expect(try scan(tag + "object/ap\n--- !p!ply:os.system [echo]\n", "a.yaml").verdict == .suspicious)
    }

    @Test(arguments: [
        (#"{"_target_": "torch.optim.AdamW", "scheduler": {"_target_": "functools.partial"}}"#, "hydra.json"),
        (
            #"{"_class_name": "P", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet2DConditionModel"], "x": [null, null]}"#,
            "model_index.json"
        ),
        ("model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params: {lossconfig: {target: torch.nn.Identity}}\n", "v1.yaml"),
        ("jobs:\n  target: build\n  run: os.system\na: !!python/tuple [1, 2]\n", "ci.yaml"),
        ("a: !!python/object/apply:collections.OrderedDict [[]]\n", "a.yaml"),
        (#"{"module": "builtins", "class_name": "function", "config": "my_activation"}"#, "keras.json"),
        (#"{"chat_template": "{% for m in messages %}{{ m['role'] | trim }}{% endfor %}"}"#, "tokenizer_config.json"),
        ("about Lambda: \"class_name\": \"Lambda\"", "notes.txt"),
    ]) func honestConfigurations(_ text: String, _ name: String) throws {
        let scan = try scan(text, name)
        #expect(scan.verdict == .safe, "\(scan)")
    }

    @Test func graphsOfTensorFlow() throws {
        func graph(_ operation: String) -> [UInt8] {
            [8, 1, 18, 20, 10, 1, 0x78, 0x12, UInt8(operation.utf8.count)] + Array(operation.utf8) + [0]
        }
        for operation in ["ReadFile", "WriteFile", "PyFunc"] { #expect(try scan(graph(operation), "saved_model.pb").verdict == .dangerous) }
        for operation in ["ReadVariableOp", "MatMul", "WriteFileX"] {
            #expect(try scan(graph(operation), "saved_model.pb").verdict == .safe)
        }
    }

    @Test func archivesThatBringCode() throws {
        let model: (String, [UInt8]) = ("m/data.pkl", pickle("\u{80}\u{2}}."))
        for name in ["m/code/__torch__.py", "m/.data/extern_modules", "MAR-INF/MANIFEST.json", "m/data/aotinductor/model/a.so"] {
            #expect(try scan(zipArchive([model, (name, Array("x = 1\n".utf8))]), "m.pt").verdict == .suspicious)
        }
        #expect(try scan(zipArchive([model, ("m/readme.md", Array("x".utf8))]), "m.pt").verdict == .safe)
    }

    @Test func templatesInGGUF() throws {
        func file(_ template: String) -> [UInt8] {
            func count(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt64(value).littleEndian) { Array($0) } }
            let key = "tokenizer.chat_template"
            let bytes =
                Array("GGUF".utf8) + [3, 0, 0, 0] + count(0) + count(1) + count(key.utf8.count) + Array(key.utf8) + [8, 0, 0, 0]
                + count(template.utf8.count) + Array(template.utf8)
            return bytes + [UInt8](repeating: 0, count: 32 - bytes.count % 32)
        }
        #expect(try scan(file("{{ ''.__class__.__base__.__subclasses__() }}"), "m.gguf").verdict == .dangerous)
        #expect(try scan(file("{{ messages[0]['content'] }}"), "m.gguf").verdict == .safe)
    }
}
