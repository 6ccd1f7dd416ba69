import Foundation
import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// One case of Fixtures/networks.
struct Golden {
    let file: SafetensorsReader
    let configuration: any NetworkConfiguration
    private let name: String
    private let asked = Asked()

    private final class Asked { var weights: [Weights] = [] }

    init(_ name: String) throws {
        self.name = name
        file = try SafetensorsReader(Self.folder.appending(name + ".safetensors"))
        configuration = try #require(try Self.configuration(at: Self.folder.appending(name + ".json")))
    }

    static let folder = Fixtures["networks"]

    /// What a `config.json` says; `nil` if it is none of a network.
    static func configuration(at path: FilePath) throws -> (any NetworkConfiguration)? {
        guard let value = try? JSONValue(contentsOf: path, dialect: .python, limits: Limits()), case .object = value else { return nil }
        let json = JSONCursor(value, path: path)
        guard let name = try (json.optional("_class_name") ?? json.optional("architectures")?.elements().first)?.string(),
            let type = Networks.type(of: name)
        else { return nil }
        return try type.init(json: json)
    }

    static var names: [String] {
        ((try? FileSystem.entries(of: folder)) ?? []).map(\.string).filter { $0.hasSuffix(".safetensors") }
            .map { String($0.dropLast(12)) }.sorted()
    }

    static func decibels(_ ratio: Double) -> Float { Float(10 * log10(ratio)) }

    var outputNames: [String] { file.tensors.map(\.name).filter { $0.hasPrefix("output/") } }
    var layerNames: Set<String> { Set(file.tensors.map(\.name).filter { $0.hasPrefix("layer/") }.map { String($0.dropFirst(6)) }) }

    /// How far off bf16 may be: where channels are many as in published networks, 2 % of the largest output and 40 dB below it. bf16 keeps eight
    /// bits of each operand; where channels are few their errors do not average out: there, no worse than PyTorch's own bf16.
    func bf16Bounds(pyTorch: (worst: Float, noise: Float)) -> (worst: Float, noise: Float) {
        name.hasSuffix("wide") ? (2e-2, 40) : (max(2e-2, pyTorch.worst), min(40, pyTorch.noise))
    }

    func tensor(_ name: String) throws -> (shape: [Int], values: [Float])? {
        guard let index = file.tensors.firstIndex(where: { $0.name == name }) else { return nil }
        let bytes = try file.bytes(of: index)
        let values = bytes.withUnsafeBytes { bytes in
            file.tensors[index].scalarType == .i32
                ? bytes.bindMemory(to: Int32.self).map(Float.init) : Array(bytes.bindMemory(to: Float.self))
        }
        return (file.tensors[index].shape.dimensions, values)
    }

    /// A tensor of any floating type as f32.
    func floats(_ name: String) throws -> [Float]? {
        guard let index = file.tensors.firstIndex(where: { $0.name == name }) else { return nil }
        let tensor = file.tensors[index]
        let bytes = try file.bytes(of: index)
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        let cast = try Cast(from: tensor.scalarType, to: .f32)
        try bytes.withUnsafeBytes { source in
            try values.withUnsafeMutableBytes { target in
                _ = try cast.apply(source, target, elementCount: tensor.shape.elementCount)
            }
        }
        return values
    }

    private func input(_ c: Computation, _ name: String) throws -> Tensor? {
        try tensor("input/" + name).map { try c.tensor($0.shape, $0.values) }
    }

    private func inputs(_ c: Computation, _ prefix: String) throws -> [Tensor] {
        var found: [Tensor] = []
        while let tensor = try input(c, "\(prefix)/\(found.count)") { found.append(tensor) }
        return found
    }

    private func ids() throws -> (ids: [Int], images: Int) {
        let ids = try #require(try tensor("input/ids"))
        return (ids.values.map { Int($0) }, ids.shape[0])
    }

    /// Weights that no pass asked for.
    var unusedWeights: [String] {
        // Encoder and decoder each use a part.
        let unused = asked.weights.map { Set($0.unused) }
        return unused.dropFirst().reduce(unused.first ?? []) { $0.intersection($1) }.sorted()
    }

    /// The case's weights; made from the seed if they are not stored.
    func weights() throws -> Weights {
        if file.tensors.contains(where: { $0.name.hasPrefix("weights/") }) { return Weights(file, under: "weights/") }
        var descriptors: [TensorDescriptor] = []
        for entry in try configuration.manifest().entries {
            descriptors.append(try TensorDescriptor(name: entry.name, scalarType: .f32, shape: entry.shape))
        }
        return Weights(try RandomSource(descriptors, seed: 1))
    }

    func outputs(_ c: Computation, _ given: Weights? = nil) throws -> [String: Tensor] {
        let weights = try given ?? self.weights()
        asked.weights.append(weights)
        let root = weights.root
        func numbered(_ name: String, _ tensors: [Tensor]) -> [String: Tensor] {
            Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ("\(name).\($0)", $1) })
        }
        func wanted(_ name: String) throws -> Tensor { try #require(try input(c, name)) }
        let times = try tensor("input/times")?.values ?? []
        switch configuration {
        case let known as CLIPTextConfiguration:
            let (ids, images) = try ids()
            let made = try CLIPTextEncoder(known)(c, root, ids: ids, images: images, keepsHiddenStates: true)
            var outputs = numbered("hidden", made.hiddenStates)
            outputs["last"] = made.last
            outputs["pooled"] = made.pooled
            outputs["projected"] = made.projected
            return outputs
        case let known as T5EncoderConfiguration:
            let (ids, images) = try ids()
            return ["last": try T5Encoder(known)(c, root, ids: ids, images: images)]
        case let known as AutoencoderKLConfiguration:
            let network = try AutoencoderKL(known)
            let (pictures, latents) = (try wanted("pictures"), try wanted("latents"))
            guard name.hasSuffix("tiled") else {
                return ["moments": try network.encode(c, root, pictures), "pictures": try network.decode(c, root, latents)]
            }
            return [
                "moments": try network.encodeTiled(c, root, pictures, tile: 8),
                "pictures": try network.decodeTiled(c, root, latents, tile: 8),
            ]
        case let known as AutoencoderTinyConfiguration:
            let network = try AutoencoderTiny(known)
            return [
                "latents": try network.encode(c, root, wanted("pictures")), "pictures": try network.decode(c, root, wanted("latents")),
            ]
        case let known as T2IAdapterConfiguration: return numbered("features", try T2IAdapter(known)(c, root, wanted("picture")))
        case let known as SD3TransformerConfiguration:
            var conditioning = SD3Transformer.Conditioning(context: try wanted("context"), pooled: try wanted("pooled"))
            conditioning.control = try inputs(c, "control")
            return ["prediction": try SD3Transformer(known)(c, root, sample: wanted("sample"), times: times, conditioning)]
        case let known as PixArtTransformerConfiguration:
            var conditioning = PixArtTransformer.Conditioning(context: try wanted("context"))
            conditioning.mask = try input(c, "mask")
            conditioning.sizes = (try tensor("input/sizes")?.values ?? []).chunked(by: 3).map { ($0[0], $0[1], $0[2]) }
            return ["prediction": try PixArtTransformer(known)(c, root, sample: wanted("sample"), times: times, conditioning)]
        case let known as AuraFlowTransformerConfiguration:
            return [
                "prediction": try AuraFlowTransformer(known)(c, root, sample: wanted("sample"), times: times, context: wanted("context"))
            ]
        case let known as SD3ControlNetConfiguration:
            return numbered(
                "block",
                try SD3ControlNet(known)(
                    c, root, sample: wanted("sample"), condition: wanted("condition"), times: times, pooled: wanted("pooled"),
                    context: input(c, "context"), scale: 0.7))
        case let known as FluxTransformerConfiguration:
            let sample = try wanted("sample")
            var conditioning = FluxTransformer.Conditioning(
                context: try wanted("context"), pooled: try wanted("pooled"), guidance: try tensor("input/guidance")?.values)
            let control = FluxControlNet.Output(double: try inputs(c, "control"), single: try inputs(c, "control-single"))
            if !control.double.isEmpty { conditioning.control = control }
            var places = FluxTransformer.positions(height: 12, width: 8)
            if sample.shape[1] > places.count { places += FluxTransformer.positions(height: 6, width: 4, image: 1) }
            return ["prediction": try FluxTransformer(known)(c, root, tokens: sample, positions: places, times: times, conditioning)]
        case let known as FluxControlNetConfiguration:
            let made = try FluxControlNet(known)(
                c, root, tokens: wanted("sample"), condition: wanted("condition"),
                positions: FluxTransformer.positions(height: 12, width: 8), times: times, context: wanted("context"),
                pooled: wanted("pooled"), guidance: tensor("input/guidance")?.values,
                mode: tensor("input/mode")?.values.map { Int($0) }, scale: 0.7)
            return numbered("block", made.double).merging(numbered("single", made.single)) { first, _ in first }
        case let known as UNetConfiguration:
            var conditioning = try unetConditioning(c)
            let control = try inputs(c, "control")
            if let middle = try input(c, "control-middle") { conditioning.control = (control, middle) }
            conditioning.features = try inputs(c, "feature")
            return ["prediction": try UNet2DCondition(known)(c, root, sample: wanted("sample"), times: times, conditioning)]
        case let known as ControlNetConfiguration:
            var conditions = [ControlNet.Condition(try wanted("picture"), kind: 1, scale: 0.7)]
            if let second = try input(c, "second") { conditions.append(ControlNet.Condition(second, kind: 3, scale: 1.5)) }
            let made = try ControlNet(known)(
                c, root, sample: wanted("sample"), times: times, conditions: conditions, unetConditioning(c),
                guesses: name == "controlnet-sd2")
            return numbered("down", made.down).merging(["middle": made.middle]) { first, _ in first }
        default:
            Issue.record("there is no forward pass for \(configuration)")
            return [:]
        }
    }

    private func unetConditioning(_ c: Computation) throws -> UNet2DCondition.Conditioning {
        var conditioning = UNet2DCondition.Conditioning(context: try #require(try input(c, "context")))
        if let text = try input(c, "text"), let sizes = try tensor("input/sizes") { conditioning.addition = (text, sizes.values) }
        conditioning.classes = try tensor("input/classes")?.values
        conditioning.classVector = try input(c, "class_vector")
        return conditioning
    }
}

extension [Float] {
    fileprivate func chunked(by count: Int) -> [[Float]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min(self.count, $0 + count)]) }
    }
}
