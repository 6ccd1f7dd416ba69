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

        /// The request that a line of the goldens stands for.
        func request() throws -> GenerationRequest {
            let cursor = JSONCursor(json)
            func number(_ key: String) throws -> Double? { try cursor.optional(key)?.double() }
            var request = GenerationRequest()
            request.syntax = .plain
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

    static func opened(_ path: FilePath, _ request: GenerationRequest = GenerationRequest()) throws -> GenerationModel {
        let reading = ConversionRequest(source: path)
        return try GenerationModel(
            Model(reading), reading, adapters: request.adapters.map { .init($0.path, strength: $0.strength) },
            words: request.embeddings.map { AddedWord(try TextualInversion($0)) })
    }

    /// The goldens of a case.
    private func expected(_ name: String) throws -> (latents: [Float], image: [UInt8]) {
        let reader = try SafetensorsReader(Self.file("results.safetensors"))
        func bytes(_ name: String) throws -> [UInt8] {
            try reader.bytes(of: try #require(reader.tensors.firstIndex { $0.name == name }))
        }
        let latents = try bytes(name + ".latents").withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        return (latents, try bytes(name + ".image"))
    }

    /// What is lost where latents begin at the level 4,096 of a schedule that ends in nothing but noise: numbers of that size are rounded to
    /// f32, and most of them then cancels. diffusers' own run is 6e-4 from the same run in binary64.
    private static let rounding: [String: Float] = ["sdxl-vpred": 2e-3]

    @Test func thereAreCases() { #expect(Self.all.count == 30) }

    @Test(arguments: all) func endsWhereDiffusersEnds(_ golden: Case) throws {
        let request = try golden.request()
        let refiner = try request.refiner.map { try Self.opened($0.model) }
        let pipeline = try GenerationPipeline(Self.opened(Self.model(golden.model), request), refiner: refiner, request)
        let image = try #require(try pipeline.images([0]).first)
        let (latents, bytes) = try expected(golden.name)
        let found = image.latent.channelsFirst
        try #require(found.count == latents.count)
        let largest = latents.reduce(0) { max($0, abs($1)) }
        let apart = zip(found, latents).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(apart <= 1e-4 * largest + (Self.rounding[golden.name] ?? 0), "\(apart / largest) of \(largest)")
        let pixels = image.bitmap.bytes
        try #require(pixels.count == bytes.count)
        let off = zip(pixels, bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(off <= 1, "\(off) of 255")
        #expect(image.seed == request.seed)
    }
}
