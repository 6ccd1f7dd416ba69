import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct ShardedSetTests {
    private let folder: TemporaryFolder
    private let tensors: [TensorDescriptor]

    init() throws {
        folder = try TemporaryFolder()
        tensors = try (0..<20).map { try TensorDescriptor(name: "t\($0)", scalarType: .f16, shape: Shape([$0, 3])) }
    }

    private func content(_ tensor: TensorDescriptor) -> [UInt8] {
        (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: $0 &+ tensor.byteCount) }
    }

    /// Writes the set and returns its index's name.
    private func write(limit: UInt64 = 300) throws -> String {
        let plan = try ShardPlan(tensors, naming: .diffusers, maximumShardByteCount: limit)
        var files: [AtomicFile] = []
        let writer = try ShardedWriter(plan, tensors: tensors) { (shard, members) throws(IsomerError) in
            let file = try AtomicFile(path: folder[shard.fileName], byteCount: nil, overwrite: true)
            files.append(file)
            return try SafetensorsWriter(file.file, tensors: members, metadata: ["format": "pt"])
        }
        #expect(writer.tensors == tensors)
        for index in tensors.indices.reversed() {
            try content(tensors[index]).withUnsafeBytes { try writer.write($0, to: index, at: 0) }
            #expect(writer.destination(of: index) != nil)
        }
        try writer.finish()
        #expect(files.count > 3)
        for file in files { try file.commit() }
        #expect(try plan.shards.reduce(0) { try $0 + folder.bytes($1.fileName).count } == writer.byteCount)
        try folder.file(plan.naming.indexFileName, plan.indexBytes())
        return plan.naming.indexFileName
    }

    private func openingError(_ index: String) throws -> IsomerError? {
        let path = try folder.file("index.json", Array(index.utf8))
        return error { _ = try openWeights(path) }
    }

    @Test func roundTrip() throws {
        let source = try openWeights(folder[write()])
        #expect(source.metadata == ["format": "pt"])
        #expect((source as? ShardedReader)?.warnings == [])
        #expect(Set(source.tensors) == Set(tensors))
        for (index, tensor) in source.tensors.enumerated() {
            #expect(try source.bytes(of: index) == content(tensor))
            let range = try #require(source.storedRange(of: index))
            #expect(try range.file.bytes(at: range.offset, count: range.count) == content(tensor))
        }
        #expect(error { _ = try source.read(tensors.count, at: 0, into: .init(start: nil, count: 0)) }?.code == .usage)
        #expect(source.storedRange(of: tensors.count) == nil)
    }

    /// All files of a name that counts them are read as one, whichever is named, if no index says otherwise.
    @Test(arguments: ["", ".fp16"]) func setsWithoutAnIndex(_ variant: String) throws {
        _ = try write()
        func copy(to place: String, without missing: Int? = nil) throws -> [String] {
            try folder.folder(place)
            let names = try folder.names.filter { $0.hasPrefix("diffusion_pytorch_model-") }.sorted()
            for (number, name) in names.enumerated() where number != missing {
                try folder.file("\(place)/model\(variant)\(name.dropFirst("diffusion_pytorch_model".count))", folder.bytes(name))
            }
            return names.map { "\(place)/model\(variant)\($0.dropFirst("diffusion_pytorch_model".count))" }
        }
        let whole = try copy(to: "whole")
        for name in [whole[0], whole[2]] {
            let source = try openWeights(folder[name])
            #expect(Set(source.tensors) == Set(tensors))
            #expect((source as? ShardedReader)?.warnings == ["the set has no index: all \(whole.count) files of the name are read"])
            for (index, tensor) in source.tensors.enumerated() { #expect(try source.bytes(of: index) == content(tensor)) }
        }
        let part = try copy(to: "part", without: 1)
        let refused = error { _ = try openWeights(folder[part[0]]) }
        #expect(refused?.code == .mismatch && refused?.expected == folder[part[1]].lastComponent?.string, "\(String(describing: refused))")
        // With an index beside it, whoever wants the set names that.
        try folder.file("part/model.safetensors.index\(variant).json", [])
        #expect(try openWeights(folder[part[0]]).tensors.count < tensors.count)
        // A name that two files have is one of two sets.
        try folder.file(whole[1], folder.bytes(whole[0]))
        #expect(error { _ = try openWeights(folder[whole[0]]) }?.what == "the tensor lies in two files of the set")
    }

    @Test func namesOfShards() {
        func read(_ name: String) -> String? { ShardNaming.shard(named: name).map { "\($0.naming.stem) \($0.number) \($0.count)" } }
        #expect(read("model-00002-of-00003.safetensors") == "model 2 3")
        #expect(read("a-b.fp16-00001-of-00002.bin") == "a-b.fp16 1 2")
        for name in [
            "model.safetensors", "model-00001-of-00001.bin", "model-00003-of-00002.bin", "model-0001-of-0002.bin",
            "model-00000-of-00002.bin",
            "00001-of-00002.bin", "model-00001-of-00002", "model-99999999999999999999-of-00002.bin", "model-+0001-of-00002.bin", "",
        ] { #expect(read(name) == nil, "\(name)") }
    }

    /// An index by any name, and another opener, as for torch's shards.
    @Test func anotherOpener() throws {
        let index = try ReadableFile(folder[write()])
        var opened: [String] = []
        let source = try ShardedReader(index: index) { (path, limits) throws(IsomerError) in
            opened.append(path.lastComponent?.string ?? "")
            return try SafetensorsReader(path, limits: limits)
        }
        #expect(opened == opened.sorted() && opened.count == source.shards.count)
    }

    @Test func wrongTotalIsAWarning() throws {
        try folder.file("a.safetensors", Fixtures.bytes("safetensors/valid/one.safetensors"))
        let path = try folder.file("i", Array(#"{"metadata":{"total_size":25},"weight_map":{"a":"a.safetensors"}}"#.utf8))
        #expect(try ShardedReader(index: path).warnings == ["the index says that the tensors have 25 bytes, but they have 24"])
        // transformers has written it as a float, too.
        try folder.file("i", Array(#"{"metadata":{"total_size":24.0},"weight_map":{"a":"a.safetensors"}}"#.utf8))
        #expect(try ShardedReader(index: path).warnings == [])
    }

    @Test(arguments: [
        "../a.safetensors", "/etc/passwd", "..", ".", "", "sub/a.safetensors", "a.safetensors/", "..\\a.safetensors", "a\\b", "\\u0000",
        "a\\u0000b",
        "\\u002e\\u002e\\u002fa",
    ]) func leavesItsFolder(_ name: String) throws {
        let text = name.replacing("\\", with: name.contains("\\u") ? "\\" : "\\\\")
        let failure = try openingError("{\"weight_map\":{\"x.y\":\"\(text)\"}}")
        #expect(failure?.what == "the index names a file outside its own folder")
        #expect(failure?.location == .init(path: folder["index.json"], item: "weight_map.x.y"))
        #expect(failure?.code == .malformed)
    }

    @Test func setsThatDoNotFit() throws {
        let one = try Fixtures.bytes("safetensors/valid/one.safetensors")
        try folder.file("1.safetensors", one)
        try folder.file("2.safetensors", one)
        try folder.file("3.safetensors", Fixtures.bytes("safetensors/valid/unpadded.safetensors"))
        let mixed = "index and files come from different sets: download all of them again"
        #expect(
            try openingError(#"{"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#)
                == IsomerError(
                    .mismatch, "the tensor is not in the file that the index names", path: folder["1.safetensors"], item: "b", remedy: mixed
                ))
        #expect(
            try openingError(#"{"weight_map":{"a":"3.safetensors"}}"#)
                == IsomerError(
                    .mismatch, "the index does not place the tensor in this file", path: folder["3.safetensors"], item: "b", remedy: mixed))
        #expect(
            try openingError(#"{"weight_map":{"a":"1.safetensors","b":"3.safetensors"}}"#)
                == IsomerError(
                    .mismatch, "the tensor lies in two files of the set", path: folder["3.safetensors"], item: "a",
                    found: "also in 1.safetensors", remedy: "download the set again"))
        #expect(
            try openingError(#"{"weight_map":{"a":"4.safetensors"}}"#)
                == IsomerError(
                    .cannotRead, "there is no such file or folder", path: folder["4.safetensors"],
                    remedy: "index.json names it: download the rest of the set"))
        #expect(
            try openingError(#"{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}"#)?.what == "a key comes twice in one JSON object")
    }

    @Test(arguments: [
        ("{}", "this JSON text is not the index of a sharded set: it has no weight_map"),
        ("[]", "this JSON text is not the index of a sharded set: it has no weight_map"),
        (#"{"error":"Repository not found"}"#, "this JSON text is not the index of a sharded set: it has no weight_map"),
        (#"{"weight_map":{}}"#, "the index names no tensors"), (#"{"weight_map":[]}"#, "the field has the wrong type"),
        (#"{"weight_map":{"a":1}}"#, "the file name is not a string"), (#"{"weight_map":{"a":null}}"#, "the file name is not a string"),
        (#"{"metadata":3,"weight_map":{"a":"b"}}"#, "the field has the wrong type"), (#"{"weight_map""#, "the JSON text ends too early"),
    ]) func noIndex(_ text: String, _ what: String) throws {
        #expect(try openingError(text)?.what == what)
    }

    @Test func shardsMayBeLinks() throws {
        let elsewhere = try TemporaryFolder()
        let target = try elsewhere.file("blob", Fixtures.bytes("safetensors/valid/one.safetensors"))
        try folder.link("a.safetensors", to: target.string)
        try folder.link("dangling", to: "nowhere")
        try folder.link("loop", to: "loop")
        try folder.folder("folder")
        #expect(try openingError(#"{"weight_map":{"a":"a.safetensors"}}"#) == nil)
        for name in ["dangling", "loop", "folder"] {
            #expect(try openingError("{\"weight_map\":{\"a\":\"\(name)\"}}")?.code == .cannotRead)
        }
    }

    /// An index that names itself or another index does not lead in circles.
    @Test func indexOfIndexes() throws {
        #expect(try openingError(#"{"weight_map":{"a":"index.json"}}"#)?.code == .unsupported)
    }
}
