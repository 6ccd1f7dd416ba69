import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerGeneration
import IsomerImages
import IsomerTensors
import IsomerTestSupport
import Testing

/// Whole pipelines against diffusers': final latents and decoded images.
@Suite struct PipelineTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSONValue
        let name: String
        let model: String

        init(_ cursor: JSONCursor) throws {
            json = cursor.value
            name = try cursor.required("name").string()
            model = try cursor.required("model").string()
        }

        var testDescription: String { name }
        var cursor: JSONCursor { JSONCursor(json) }

        func number(_ key: String) throws -> Int? { try cursor.optional(key)?.integer() }

        /// The request that a line of the goldens stands for.
        func request() throws -> GenerationRequest {
            func number(_ key: String) throws -> Double? { try cursor.optional(key)?.double() }
            var request = GenerationRequest()
            request.syntax = try cursor.optional("syntax").map { try #require(.init(rawValue: $0.string())) } ?? .plain
            request.prompt = try cursor.required("prompt").string()
            request.negativePrompt = try cursor.optional("negativePrompt")?.string()
            request.steps = try cursor.required("steps").integer()
            request.width = try cursor.required("width").integer()
            request.height = try cursor.required("height").integer()
            request.seed = UInt64(try cursor.required("seed").integer())
            request.guidanceScale = try number("guidanceScale")
            request.guidanceRescale = try number("guidanceRescale") ?? 0
            request.imageGuidanceScale = try number("imageGuidanceScale") ?? 1.5
            request.sampler = try cursor.optional("sampler")?.string()
            request.schedule = try cursor.optional("schedule")?.string()
            request.textTokens = try cursor.optional("textTokens")?.integer()
            request.strength = try number("strength")
            request.guidanceStart = try number("guidanceStart") ?? 0
            request.guidanceEnd = try number("guidanceEnd") ?? 1
            request.variation = try cursor.optional("variation").map {
                .init(seed: UInt64(try $0.required("seed").integer()), strength: try $0.required("strength").double())
            }
            request.enlargement = try cursor.optional("enlargement").map {
                try .init(
                    factor: $0.required("factor").double(), strength: $0.required("strength").double(),
                    steps: $0.required("steps").integer())
            }
            request.picture = try cursor.optional("picture").map { PipelineTests.file(try $0.string()) }
            request.mask = try cursor.optional("mask").map { PipelineTests.file(try $0.string()) }
            request.refiner = try cursor.optional("refiner").map {
                .init(model: PipelineTests.model(try $0.string()), start: try number("refinerStart") ?? 0.8)
            }
            for control in try cursor.optional("controls")?.elements() ?? [] {
                request.controls.append(
                    .init(
                        model: PipelineTests.file("controlnet-tiny"), picture: PipelineTests.file(try control.required("picture").string()),
                        scale: try control.required("scale").double(), start: try control.optional("start")?.double() ?? 0,
                        end: try control.optional("end")?.double() ?? 1))
            }
            for adapter in try cursor.optional("adapters")?.elements() ?? [] {
                request.adapters.append(
                    .init(
                        Fixtures.root.pushing(FilePath(try adapter.required("path").string())),
                        strength: try adapter.required("strength").double()))
            }
            for word in try cursor.optional("embeddings")?.elements() ?? [] {
                request.embeddings.append(Fixtures.root.pushing(FilePath(try word.string())))
            }
            return request
        }
    }

    static func file(_ name: String) -> FilePath { Fixtures.root.pushing("pipelines").pushing(FilePath(name)) }
    static func model(_ name: String) -> FilePath { Fixtures.root.pushing("models").pushing(FilePath(name)) }

    static let all: [Case] = {
        guard let json = try? JSONValue(contentsOf: file("cases.json")), let lines = try? JSONCursor(json).elements() else { return [] }
        return lines.compactMap { try? Case($0) }
    }()

    static func opened(
        _ path: FilePath, _ request: GenerationRequest = GenerationRequest(), replacing components: [String: FilePath] = [:]
    ) throws -> GenerationModel {
        var reading = ConversionRequest(source: path)
        reading.replacements = components
        return try GenerationModel(
            Model(reading), reading, adapters: request.adapters.map { .init($0.path, strength: $0.strength) },
            words: request.embeddings.map { AddedWord(try TextualInversion($0)) })
    }

    /// A golden.
    private func bytes(_ name: String) throws -> [UInt8] {
        let reader = try SafetensorsReader(Self.file("results.safetensors"))
        return try reader.bytes(of: try #require(reader.tensors.firstIndex { $0.name == name }))
    }

    private func numbers(_ name: String) throws -> [Float] {
        try bytes(name).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// No pixel is further from its golden than 1 of 255.
    private func check(_ picture: Bitmap, _ name: String) throws {
        let wanted = try bytes(name)
        try #require(picture.bytes.count == wanted.count)
        let off = zip(picture.bytes, wanted).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(off <= 1, "\(name): \(off) of 255")
    }

    @Test func thereAreCases() { #expect(Self.all.count == 43) }

    @Test(arguments: all) func endsWhereDiffusersEnds(_ golden: Case) throws {
        let request = try golden.request()
        let refiner = try request.refiner.map { try Self.opened($0.model) }
        let transformer = try golden.cursor.optional("transformer").map { Self.file(try $0.string()) }
        let model = try Self.opened(Self.model(golden.model), request, replacing: transformer.map { ["transformer": $0] } ?? [:])
        let pipeline = try GenerationPipeline(model, refiner: refiner, request, tile: golden.number("tile"))
        // The first image and the one that is asked for, in one batch.
        let number = try golden.number("number") ?? 0
        let image = try #require(try pipeline.images(number == 0 ? [0] : [0, number]).last)
        let latents = try numbers(golden.name + ".latents")
        let found = image.latent.channelsFirst
        try #require(found.count == latents.count)
        let largest = latents.reduce(0) { max($0, abs($1)) }
        let apart = zip(found, latents).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(apart <= 1e-4 * largest, "\(apart / largest) of \(largest)")
        try check(image.bitmap, golden.name + ".image")
        #expect(image.seed == request.seed &+ UInt64(request.variation == nil ? number : 0))
        for kind in try golden.cursor.optional("previews")?.elements() ?? [] {
            let preview =
                try kind.string() == "tiny"
                ? LatentPreview(pipeline, decoder: Fixtures.root.pushing("components/taesd")) : LatentPreview(pipeline)
            try check(preview.bitmap(image.latent), golden.name + "." + kind.string())
        }
    }

    /// A folder that was saved with a word of several vectors has them as the tokens `word`, `word_1`, …: prompts mean all of them, as
    /// diffusers' pipelines do, and the image is that of the folder with the word beside it.
    @Test func wordsThatWereSavedWithAModelMeanAllTheirVectors() throws {
        let folder = try TemporaryFolder()
        let path = Self.model("sd15-tiny")
        let style = try TextualInversion(Fixtures.root.pushing("textual-inversion/webui.pt"))
        #expect(style.words.first?.vectors.first?.count == 3)
        var plan = try ConversionPlan(ConversionRequest(source: path), to: .diffusers)
        try plan.add([AddedWord(style, token: "<style>")])
        _ = try Executor().run(plan, to: folder["saved"])

        var request = try #require(Self.all.first { $0.name == "embedding" }).request()
        request.embeddings = []
        request.steps = 2
        func latents(_ model: GenerationModel, _ prompt: String) throws -> [Float] {
            request.prompt = prompt
            return try #require(GenerationPipeline(model, request).images([0]).first).latent.channelsFirst
        }
        let reading = ConversionRequest(source: path)
        let beside = try GenerationModel(Model(reading), reading, words: [AddedWord(style, token: "<style>")])
        let saved = try Self.opened(folder["saved"])
        #expect(try latents(saved, "a <style> cat") == latents(beside, "a <style> cat"))
        #expect(try latents(saved, "a <style> cat") != latents(saved, "a <style>_1 cat"))
    }

    /// Diffusers' pipelines of Stable Diffusion 1 and 2 take steps without an offset and bounded latents for mistakes of old files, but not with a
    /// ControlNet; the one that fills in a part leaves bounds alone.
    @Test func oldSettingsOfSchedulersAreMended() throws {
        let folder = try TemporaryFolder()
        func saved(_ offset: Int, clips: Bool) throws -> GenerationModel {
            let name = "\(offset) \(clips)"
            _ = try Executor().run(ConversionPlan(ConversionRequest(source: Self.model("sd15-tiny")), to: .diffusers), to: folder[name])
            let scheduler: JSONObject = [
                "_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "steps_offset": .number(JSONNumber(offset)),
                "clip_sample": .bool(clips), "clip_sample_range": 0.5,
            ]
            try folder.file(name + "/scheduler/scheduler_config.json", JSONWriter().bytes(.object(scheduler)))
            return try Self.opened(folder[name])
        }
        let (right, late, bounded) = (try saved(1, clips: false), try saved(0, clips: false), try saved(1, clips: true))
        var request = try #require(Self.all.first { $0.model == "sd15-tiny" }).request()
        request.steps = 2
        request.sampler = nil
        func latents(_ model: GenerationModel) throws -> [Float] {
            try #require(GenerationPipeline(model, request).images([0]).first).latent.channelsFirst
        }
        #expect(try latents(late) == latents(right) && latents(bounded) == latents(right))
        var filling = request
        filling.picture = Self.file("picture-40x24.png")
        filling.mask = Self.file("mask-40x24.png")
        (request, filling) = (filling, request)
        #expect(try latents(late) == latents(right) && latents(bounded) != latents(right))
        request = filling
        request.controls = [.init(model: Self.file("controlnet-tiny"), picture: Self.file("hint-40x24.png"))]
        #expect(try latents(late) != latents(right) && latents(bounded) != latents(right))
    }

    /// What stands for a whole text with an added word: the end mark, as in A1111's web UI, or with the plain syntax what transformers takes,
    /// which follows from `eos_token_id`.
    @Test func whatStandsForATextWithAnAddedWord() throws {
        let folder = try TemporaryFolder()
        let header = Array(
            #"{"clip_g":{"dtype":"F32","shape":[1,12],"data_offsets":[0,48]},"clip_l":{"dtype":"F32","shape":[1,8],"data_offsets":[48,80]}}"#
                .utf8)
        let numbers = (0..<20).flatMap { number in withUnsafeBytes(of: (Float(number) / 7 - 1).bitPattern.littleEndian) { Array($0) } }
        try folder.file("toy.safetensors", [UInt8(header.count)] + [UInt8](repeating: 0, count: 7) + header + numbers)
        let toy = AddedWord(try TextualInversion(folder["toy.safetensors"]), token: "<toy>")

        let reading = ConversionRequest(source: Self.model("sdxl-tiny"))
        _ = try Executor().run(ConversionPlan(reading, to: .diffusers), to: folder["newer"])
        let path = folder["newer"].pushing("text_encoder_2/config.json")
        var object = try JSONCursor(JSONValue(contentsOf: path)).object()
        #expect(object["eos_token_id"] == .number(JSONNumber(2)))
        object["eos_token_id"] = .number(JSONNumber(767))
        try folder.file("newer/text_encoder_2/config.json", JSONWriter().bytes(.object(object)))

        var request = try #require(Self.all.first { $0.model == "sdxl-tiny" }).request()
        request.steps = 2
        func latents(_ path: FilePath, _ prompt: String, _ syntax: GenerationRequest.PromptSyntax) throws -> [Float] {
            let reading = ConversionRequest(source: path)
            (request.prompt, request.syntax) = (prompt, syntax)
            let model = try GenerationModel(Model(reading), reading, words: [toy])
            return try #require(GenerationPipeline(model, request).images([0]).first).latent.channelsFirst
        }
        let (older, newer) = (Self.model("sdxl-tiny"), folder["newer"])
        #expect(try latents(older, "a cat", .plain) == latents(older, "a cat", .weighted))
        #expect(try latents(older, "a <toy> cat", .plain) != latents(older, "a <toy> cat", .weighted))
        #expect(try latents(newer, "a <toy> cat", .plain) == latents(older, "a <toy> cat", .weighted))
    }
}
