import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Folders that are not all there, or not all alike: as downloads leave them, and as their owners cut them down.
@Suite struct FolderStateTests {
    private let folder: TemporaryFolder
    private let model = Fixtures["models/sd15-tiny"]

    init() throws { folder = try TemporaryFolder() }

    private static let parts = ["unet", "vae", "text_encoder", "tokenizer", "scheduler"]

    /// `model` under `name`, its parts but `left` linked, its index changed.
    private func made(_ name: String, without left: Set<String> = [], _ change: (inout JSONObject) -> Void = { _ in }) throws -> FilePath {
        try folder.folder(name)
        for part in Self.parts where !left.contains(part) { try folder.link("\(name)/\(part)", to: model.appending(part).string) }
        guard case .object(var index) = try JSONValue(contentsOf: model.appending("model_index.json")) else { throw CancellationError() }
        change(&index)
        try folder.file("\(name)/model_index.json", JSONWriter().bytes(.object(index)))
        return folder[name]
    }

    private func json(_ name: String) throws -> JSONValue { try JSONValue(contentsOf: folder[name]) }

    /// What diffusers' pipelines do without is not fetched for who does not want it, and stays in the index all the same.
    @Test func optionalPartsMayBeMissing() throws {
        let source = try made("m") { $0["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"] }
        let plan = try folder.convert(source, to: .checkpoint(.safetensors), "m.safetensors")
        #expect(plan.notes.contains { $0.contains("names safety_checker, whose folder is not there") }, "\(plan.notes)")
        try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        #expect(try folder.bytes("m.safetensors") == folder.bytes("own.safetensors"))
        try folder.convert(source, to: .diffusers, "again")
        #expect(try json("again/model_index.json")["safety_checker"] == [.null, .null])
    }

    /// A part whose weights were cut short stops what would hold it, and nothing else.
    @Test func partsThatAreNotNeededMayBeBroken() throws {
        let source = try made("m", without: ["vae"]) { $0["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"] }
        let own = model.appending("vae")
        let configuration = try ReadableFile(own.appending("config.json")).contents(limit: 1 << 20)
        let weights = try ReadableFile(own.appending("diffusion_pytorch_model.safetensors")).contents(limit: 1 << 24)
        for (part, file) in [("vae", "diffusion_pytorch_model"), ("safety_checker", "model")] {
            try folder.folder("m/\(part)")
            try folder.file("m/\(part)/config.json", configuration)
            try folder.file("m/\(part)/\(file).safetensors", Array(weights.dropLast(99)))
        }
        func convert(_ target: ModelTarget, _ name: String, _ change: (inout ConversionRequest) -> Void) throws -> [String] {
            try folder.convert(source, to: target, name) {
                $0.replacements = ["vae": model.appending("vae")]
                change(&$0)
            }.notes
        }
        let checkpoint = ModelTarget.checkpoint(.safetensors)
        let notes = try convert(checkpoint, "m.safetensors") { _ in }
        for part in ["vae", "safety_checker"] {
            #expect(notes.contains { $0.hasPrefix("\(part) cannot be read") && $0.contains("m/\(part)/") }, "\(notes)")
        }
        try folder.convert(model, to: checkpoint, "own.safetensors")
        #expect(try sums(folder["m.safetensors"]) == sums(folder["own.safetensors"]))
        _ = try convert(.diffusers, "unet") { $0.only = ["unet"] }
        _ = try convert(.diffusers, "without") { $0.allowedMissing = [NamePattern("safety_checker")] }
        #expect(try json("without/model_index.json")["safety_checker"] == [.null, .null])
        // The rest holds it, or is it.
        for (target, name) in [(ModelTarget.diffusers, "again"), (checkpoint, "x.safetensors")] {
            let error = try #require(throws: IsomerError.self) { try convert(target, name) { $0.keepsExtras = target == checkpoint } }
            #expect(error.location.path?.string.contains("safety_checker") == true, "\(error)")
        }
        let error = try #require(throws: IsomerError.self) { try Model(ConversionRequest(source: source)) }
        #expect(error.location.path?.string.contains("m/vae/") == true, "\(error)")
        var only = ConversionRequest(source: source)
        only.only = ["unet"]
        let read = try Model(only)
        #expect(read.notes.count == 2)
        #expect(throws: IsomerError.self) { try read.canonicalTensors(withOthers: true) }
        #expect(throws: IsomerError.self) { try read.refuseUnread() }
    }

    /// What lies beside weights goes along from folder to folder; other weights, programs and what links fetch from elsewhere do not.
    @Test func whatLiesBesideWeightsGoesAlong() throws {
        let source = try made("m", without: ["unet"])
        try folder.folder("m/unet")
        for name in ["config.json", "diffusion_pytorch_model.safetensors"] {
            try folder.link("m/unet/\(name)", to: model.appending("unet").appending(name).string)
        }
        for name in ["notes", "notes/deep", "onnx", "unet/notes", "models--a--b", "models--a--b/blobs"] {
            try folder.folder(name.hasPrefix("models") ? name : "m/" + name)
        }
        let kept = ["README.md", "LICENSE", "notes/a.txt", "notes/deep/b.png", "unet/README.md", "unet/notes/c.json", "unet/x.model"]
        let left = [
            "v1-5-pruned.ckpt", "unet/diffusion_pytorch_model.fp16.bin", "unet/run.py", "unet/x.bak", "onnx/model.onnx", "onnx/config.json",
            ".hidden",
            "unet/data.pkl",
        ]
        for name in kept + left { try folder.file("m/" + name, Array(name.utf8)) }
        try folder.file("m/large.txt", [UInt8](repeating: 32, count: (16 << 20) + 1))
        try folder.file("secret", [1])
        try folder.link("m/stolen.txt", to: "../secret")
        try folder.link("m/gone.txt", to: "nowhere")
        try folder.link("m/around", to: ".")
        try folder.file("models--a--b/blobs/abc", [2])
        try folder.link("m/cached.txt", to: "../models--a--b/blobs/abc")
        try folder.link("m/same.md", to: "README.md")

        let plan = try folder.convert(source, to: .diffusers, "again")
        for name in kept { #expect(try folder.bytes("again/" + name) == Array(name.utf8), "\(name)") }
        #expect(try folder.bytes("again/cached.txt") == [2])
        #expect(try folder.bytes("again/same.md") == Array("README.md".utf8))
        for name in left + ["large.txt", "stolen.txt", "gone.txt", "around", "onnx"] {
            #expect(try FileSystem.kind(of: folder["again/" + name]) == nil, "\(name)")
        }
        for said in ["onnx", "stolen.txt", "gone.txt", "around", "large.txt"] {
            #expect(plan.notes.contains { $0.hasPrefix("not copied") && $0.contains(said) }, "\(said): \(plan.notes)")
        }
        #expect(plan.notes.contains { $0.hasPrefix("unet: not copied, as it is a program: run.py") }, "\(plan.notes)")
        try folder.convert(source, to: .diffusers, "unet") { $0.only = ["unet"] }
        #expect(try folder.bytes("unet/notes/c.json") == Array("unet/notes/c.json".utf8))
        #expect(try FileSystem.kind(of: folder["unet/LICENSE"]) == nil)
        try folder.convert(folder["unet"], to: .diffusers, "alone")
        #expect(try folder.bytes("alone/README.md") == Array("unet/README.md".utf8))
        // In place, where they are inputs as much as the weights.
        let before = try FileSystem.entries(of: folder["again"])
        var executor = Executor()
        executor.overwrite = true
        _ = try executor.run(ConversionPlan(ConversionRequest(source: source), to: .diffusers), to: folder["again"])
        #expect(try FileSystem.entries(of: folder["again"]) == before)
    }

    /// A part that was handed to diffusers from elsewhere is not in the download; it may be given here too.
    @Test func aMissingPartMayBeGiven() throws {
        let source = try made("m", without: ["vae"])
        let error = try #require(throws: IsomerError.self) { try Model(ConversionRequest(source: source)) }
        #expect(error.code == .mismatch && error.location.item == "vae" && error.remedy?.contains("--vae") == true, "\(error)")
        let plan = try folder.convert(source, to: .checkpoint(.safetensors), "m.safetensors") {
            $0.replacements = ["vae": model.appending("vae")]
        }
        #expect(plan.notes.isEmpty, "\(plan.notes)")
        try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        #expect(try sums(folder["m.safetensors"]) == sums(folder["own.safetensors"]))
        try folder.convert(source, to: .canonical(.safetensors), "unet.safetensors") { $0.only = ["unet"] }
        #expect(try ModelSummary(of: source).components.map(\.slot) == ["text_encoder", "unet"])
    }

    /// What a folder lacks to be read is named, and what could be given instead.
    @Test func whatIsLackingIsNamed() throws {
        let source = try made("m", without: ["unet"])
        try folder.folder("m/unet")
        let silent = try #require(throws: IsomerError.self) { try Model(ConversionRequest(source: source)) }
        #expect(silent.what == "the component has no config.json" && silent.location.path == folder["m/unet"], "\(silent)")
        try folder.folder("peft")
        try folder.file("peft/adapter_model.safetensors", [])
        let other = try #require(throws: IsomerError.self) { try Model(ConversionRequest(source: folder["peft"])) }
        #expect(other.remedy?.contains("peft/adapter_model.safetensors") == true, "\(other)")
    }

    /// What the index says is not there is no fault of a folder, and not made up for another.
    @Test func absentPartsStayAbsent() throws {
        let absent: Set = ["vae", "tokenizer", "scheduler"]
        let source = try made("m", without: absent) { for part in absent { $0[part] = [.null, .null] } }
        try folder.convert(source, to: .diffusers, "half") { $0.scalarType = .f16 }
        for part in absent { #expect(try json("half/model_index.json")[part] == [.null, .null]) }
        #expect(try FileSystem.entries(of: folder["half"]).map(\.string).sorted() == ["model_index.json", "text_encoder", "unet"])
    }

    /// A pipeline that has no such part at all, as the one that varies pictures has no text encoder, goes from folder to folder.
    @Test func partsThatTheIndexDoesNotNameAreNotNeeded() throws {
        let parts: Set = ["text_encoder", "tokenizer"]
        let source = try made("m", without: parts) {
            for part in parts { $0[part] = nil }
            $0["_class_name"] = "StableDiffusionImageVariationPipeline"
        }
        let plan = try folder.convert(source, to: .diffusers, "again")
        #expect(plan.notes.isEmpty, "\(plan.notes)")
        for part in parts { #expect(try json("again/model_index.json")[part] == nil) }
        #expect(try FileSystem.entries(of: folder["again"]).map(\.string) == ["model_index.json", "scheduler", "unet", "vae"])
    }

    /// A class that a pipeline brings along is a model of diffusers' or of transformers': its weights keep the name under which it opens them.
    @Test func classesOfPipelinesOpenTheirWeights() throws {
        let source = try made("m") { $0["image_normalizer"] = ["stable_diffusion", "StableUnCLIPImageNormalizer"] }
        try folder.folder("m/image_normalizer")
        try folder.file("m/image_normalizer/config.json", Array(#"{"_class_name": "StableUnCLIPImageNormalizer"}"#.utf8))
        let weights = "image_normalizer/diffusion_pytorch_model.safetensors"
        try folder.link("m/" + weights, to: model.appending("vae").appending("diffusion_pytorch_model.safetensors").string)
        try folder.convert(source, to: .diffusers, "again")
        try folder.convert(source, to: .checkpoint(.safetensors), "m.safetensors") { $0.keepsExtras = true }
        try folder.convert(folder["m.safetensors"], to: .diffusers, "back")
        for name in ["again/", "back/"] { #expect(try folder.bytes(name + weights) == folder.bytes("m/" + weights)) }
    }

    /// Where an index and a single file are both there, the one is read that the library of the component opens.
    @Test func anIndexBesideASingleFile() throws {
        let parts: Set = ["unet", "text_encoder"]
        let source = try made("m", without: parts)
        for (part, stem) in [("unet", "diffusion_pytorch_model"), ("text_encoder", "model")] {
            try folder.folder("m/\(part)")
            for file in ["config.json", stem + ".safetensors"] {
                try folder.link("m/\(part)/\(file)", to: model.appending(part).appending(file).string)
            }
            var half = FileConversion(to: .safetensors)
            (half.floatType, half.shardBytes) = (.f16, 10_000)
            let plan = try half.plan(WeightFile(model.appending(part).appending(stem + ".safetensors")))
            _ = try Executor().run(plan, to: folder["m/\(part)/\(stem).safetensors"])
        }
        try folder.convert(source, to: .diffusers, "again")
        for (file, type) in [("unet/diffusion_pytorch_model", ScalarType.f16), ("text_encoder/model", .f32)] {
            #expect(Set(try SafetensorsReader(folder["again/\(file).safetensors"]).tensors.map(\.scalarType)).contains(type), "\(file)")
        }
    }

    /// Components without a slot are read in the variant that the others are read in.
    @Test func allPartsAreOfOneVariant() throws {
        let source = try made("m", without: ["unet", "vae", "text_encoder"]) { $0["safety_checker"] = ["stable_diffusion", "X"] }
        for part in ["unet", "vae", "text_encoder", "safety_checker"] {
            let own = model.appending(part == "safety_checker" ? "vae" : part)
            let file = part == "text_encoder" || part == "safety_checker" ? "model" : "diffusion_pytorch_model"
            try folder.folder("m/\(part)")
            try folder.file("m/\(part)/config.json", ReadableFile(own.appending("config.json")).contents(limit: 1 << 20))
            let weights = own.appending("\(part == "text_encoder" ? "model" : "diffusion_pytorch_model").safetensors")
            try folder.link("m/\(part)/\(file).safetensors", to: weights.string)
            var half = FileConversion(to: .safetensors)
            half.floatType = .f16
            _ = try Executor().run(half.plan(WeightFile(weights)), to: folder["m/\(part)/\(file).fp16.safetensors"])
        }
        try folder.convert(source, to: .diffusers, "halves") { $0.variant = "fp16" }
        for part in ["unet/diffusion_pytorch_model", "safety_checker/model"] {
            let types = Set(try SafetensorsReader(folder["halves/\(part).safetensors"]).tensors.map(\.scalarType))
            #expect(types == [.f16], "\(part)")
        }
    }

    /// transformers loads a model in the type that its configuration names: that of the weights as they are written.
    @Test func configurationsNameTheTypeOfTheWeights() throws {
        func named(_ name: String) throws -> JSONValue? { try json("\(name)/text_encoder/config.json")["torch_dtype"] }
        let half = Fixtures["models/sd15-tiny-fp16-variant"]
        let plan = try folder.convert(half, to: .diffusers, "wide") { $0.scalarType = .f32 }
        #expect(try named("wide") == "float32")
        #expect(plan.decisions.contains { $0.subject == "text_encoder/config.json" && $0.value == "torch_dtype float32" })
        try folder.convert(model, to: .diffusers, "short") { $0.scalarType = .bf16 }
        #expect(try named("short") == "bfloat16")
        // Nothing was asked for: the file is what it was.
        try folder.convert(half, to: .diffusers, "same")
        #expect(try named("same") == "float16")
        // Of a configuration from elsewhere only what would lose something is changed.
        try folder.convert(model, to: .checkpoint(.safetensors), "wide.safetensors")
        try folder.convert(folder["wide.safetensors"], to: .diffusers, "back") { $0.configuration = half }
        #expect(try named("back") == "float32")
        try folder.convert(half, to: .checkpoint(.safetensors), "half.safetensors")
        try folder.convert(folder["half.safetensors"], to: .diffusers, "half") { $0.configuration = model }
        #expect(try named("half") == "float32")
    }

    /// The configuration of a component alone is carried along too, or no way back would be found to a network that nobody published.
    @Test(arguments: [
        ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model"),
    ]) func aComponentComesBack(_ part: String, _ weights: String) throws {
        for container in [Container.safetensors, .torch()] {
            try folder.convert(model.appending(part), to: .checkpoint(container), "part") { $0.keepsExtras = true }
            try folder.convert(folder["part"], to: .diffusers, "back")
            #expect(try json("back/config.json") == JSONValue(contentsOf: model.appending(part).appending("config.json")))
            let own = try ReadableFile(model.appending(part).appending(weights + ".safetensors")).contents(limit: 1 << 24)
            #expect(try folder.bytes("back/\(weights).safetensors") == own)
        }
    }

    /// Folders of earlier years: other names in the VAE and in the text encoder, position numbers, other metadata. All of it comes back.
    @Test(arguments: ["sd15-tiny-old-vae", "sd15-tiny-flat-clip", "sdxl-tiny"]) func earlierFoldersComeBack(_ name: String) throws {
        let own = Fixtures["models/\(name)"]
        try folder.convert(own, to: .diffusers, "m")
        let numbers = (UInt8(0)..<77).flatMap { number -> [UInt8] in [number, 0, 0, 0, 0, 0, 0, 0] }
        var files = ["vae/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.safetensors"]
        let encoders = try FileSystem.entries(of: own).map(\.string).filter { $0.hasPrefix("text_encoder") }.sorted()
        for file in files { try folder.file("m/\(file)", ReadableFile(own.pushing(FilePath(file))).contents(limit: 1 << 24)) }
        for encoder in encoders {
            let source = try SafetensorsReader(own.pushing(FilePath("\(encoder)/model.safetensors")))
            let prefix = source.tensors.contains { $0.name.hasPrefix("text_model.") } ? "text_model." : ""
            files.append("\(encoder)/model.safetensors")
            try rewrite(
                source.files[0].path, to: folder["\(encoder).safetensors"], metadata: ["of": encoder],
                adding: [(prefix + "embeddings.position_ids", .i64, [1, 77], numbers)]
            ) { _, _ in .kept }
            try folder.file("m/\(encoder)/model.safetensors", folder.bytes("\(encoder).safetensors"))
        }
        try folder.convert(folder["m"], to: .checkpoint(.safetensors), "m.safetensors") { $0.keepsExtras = true }
        try folder.convert(folder["m.safetensors"], to: .diffusers, "back")
        for file in files { #expect(try folder.bytes("back/\(file)") == folder.bytes("m/\(file)"), "\(file)") }
        #expect(try FileSystem.entries(of: folder["back"]) == FileSystem.entries(of: folder["m"]))
        // What another file holds of them is not asked for the old names.
        try folder.convert(folder["m.safetensors"], to: .diffusers, "other") { $0.replacements = ["vae": own.appending("vae")] }
        let names = try SafetensorsReader(folder["other/vae/diffusion_pytorch_model.safetensors"]).tensors.map(\.name)
        #expect(names.contains("encoder.mid_block.attentions.0.to_q.weight"))
    }

    /// Two folders are compared by what they have without a place in a checkpoint, too.
    @Test func whatOnlyFoldersHave() throws {
        let depth = try Model(ConversionRequest(source: Fixtures["models/sd2-depth-tiny"]))
        let (few, all) = try (depth.canonicalTensors(), depth.canonicalTensors(withOthers: true))
        #expect(!depth.others.isEmpty && all.tensors.count == few.tensors.count + depth.others.count)
        #expect(depth.others.allSatisfy { $0.name.hasPrefix("depth_estimator/") })
        // What lies beside a component is no component.
        try folder.convert(model, to: .checkpoint(.safetensors), "m.safetensors") { $0.keepsExtras = true }
        #expect(try Model(ConversionRequest(source: folder["m.safetensors"])).others.isEmpty)
    }

    /// What was carried along for one file is not taken for what replaces it, but goes on for what that file itself becomes.
    @Test func extrasGoWithTheirFile() throws {
        func convert(_ source: FilePath, _ change: (inout ConversionRequest) -> Void = { _ in }) throws {
            try folder.convert(source, to: .checkpoint(.safetensors), "m.safetensors", change)
        }
        let extras = "m.safetensors.extras.safetensors"
        try convert(model) { $0.keepsExtras = true }
        try convert(folder["m.safetensors"]) { $0.scalarType = .f16 }
        #expect(try folder.names.sorted() == ["m.safetensors", extras])
        #expect(try Model(ConversionRequest(source: folder["m.safetensors"])).prediction?.reason.contains(extras) == true)
        try convert(Fixtures["models/sd15-tiny-bin"])
        #expect(try folder.names == ["m.safetensors"])
        // What has the name and is something else is nobody's to remove.
        try folder.file(extras, [1, 2, 3])
        try convert(model)
        #expect(try folder.bytes(extras) == [1, 2, 3])
    }

    /// A set of shards has the extras of the name that was asked for, whichever of its files is given.
    @Test func shardsComeBack() throws {
        try folder.convert(model, to: .checkpoint(.safetensors), "m.safetensors") { ($0.keepsExtras, $0.shardBytes) = (true, 100_000) }
        for (name, again) in [("m.safetensors.index.json", "first"), ("m-00001-of-00006.safetensors", "second")] {
            if again == "second" { FileSystem.removeFile(folder["m.safetensors.index.json"]) }
            try folder.convert(folder[name], to: .diffusers, again)
            for part in ["unet/diffusion_pytorch_model", "text_encoder/model"] {
                let own = try ReadableFile(model.pushing(FilePath(part + ".safetensors"))).contents(limit: 1 << 24)
                #expect(try folder.bytes("\(again)/\(part).safetensors") == own)
            }
        }
    }

    /// A file is held against the folder it was made from, though its tensors alone would be another family's, or several.
    @Test(arguments: [false, true]) func filesAreReadLikeTheirFolders(isTold: Bool) throws {
        let (family, member) = try #require(ModelFamily.member("sd15"))
        var unet = try #require(member.components["unet"] as? UNetConfiguration).tiny
        if isTold { unet.classEmbedding = .projection(width: 24) }
        let made = try Model(synthesizing: member.with(unet), of: family, seed: 6, scalarType: .f32, isTiny: false)
        var request = ConversionRequest(source: FilePath())
        request.only = ["unet"]
        request.destination = folder["unet"]
        _ = try Executor().run(made.diffusersPlan(request), to: folder["unet"])
        try folder.convert(folder["unet"], to: .checkpoint(.safetensors), "unet.safetensors")
        let (first, second) = (ConversionRequest(source: folder["unet"]), ConversionRequest(source: folder["unet.safetensors"]))
        for (one, other) in [(first, second), (second, first)] {
            let models = try Model.pair(one, other)
            let tensors = try (sums(models.first.canonicalTensors()), sums(models.second.canonicalTensors()))
            #expect(tensors.0 == tensors.1)
        }
        // Another network is no reason to read it as this one.
        let other = try Model.pair(first, ConversionRequest(source: Fixtures["models/sdxl-tiny/unet/diffusion_pytorch_model.safetensors"]))
        #expect(other.second.family.identifier == "sdxl")
    }
}
