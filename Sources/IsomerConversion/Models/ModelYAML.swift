import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors
import Yams

/// What an LDM or SGM model description (`v1-inference.yaml`) says that shapes do not.
///
/// Reference: CompVis/stable-diffusion configs/stable-diffusion/v1-inference.yaml, Stability-AI/stablediffusion configs/.
struct ModelYAML: Sendable {
    var components: ModelFamily.Components = [:]
    var prediction: Prediction?

    /// Reads a description; `nil` if the text is JSON rather than YAML.
    init?(_ bytes: [UInt8], _ path: FilePath) throws(IsomerError) {
        let text = try PlainText.decode(bytes)
        guard let first = text.utf8.first(where: { !" \t\r\n".utf8.contains($0) }), first != UInt8(ascii: "{") else { return nil }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ModelYAML.unreadable(error, path)
        }
        guard let parameters = root?["model"]?["params"] else {
            throw IsomerError(.malformed, "the YAML does not describe a model", path: path, expected: "model.params")
        }
        do throws(IsomerError) {
            switch parameters["parameterization"]?.string {
            case nil, "eps"?: prediction = .epsilon
            case "v"?: prediction = .velocity
            case "x0"?: prediction = .sample
            case let other?: throw IsomerError(.unsupported, "the parameterization is not known", item: "parameterization", found: other)
            }
            if let denoiser = parameters["denoiser_config"]?["params"]?["scaling_config"]?["target"]?.string {
                prediction = denoiser.hasSuffix("VScaling") ? .velocity : .epsilon
            }
            if let unet = (parameters["unet_config"] ?? parameters["network_config"])?["params"] {
                components["unet"] = try ModelYAML.unet(unet)
            }
            if let vae = parameters["first_stage_config"]?["params"] {
                components["vae"] = try ModelYAML.vae(vae, scale: parameters["scale_factor"]?.float)
            }
        } catch {
            throw error.inFile(path)
        }
    }

    /// Yams' own description repeats the whole line of the file, which may be a megabyte.
    private static func unreadable(_ error: any Error, _ path: FilePath) -> IsomerError {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?, .composer(_, let problem, let mark, _)?:
            IsomerError(.malformed, "the YAML cannot be read: \(problem) in line \(mark.line), column \(mark.column)", path: path)
        case .reader(let problem, let offset, _, _)?:
            IsomerError(.malformed, "the YAML cannot be read: \(problem)", path: path, byteOffset: offset.flatMap(UInt64.init(exactly:)))
        case .duplicatedKeysInMapping(let keys, _)?:
            IsomerError(.malformed, "a key of the YAML comes twice", path: path, item: keys.first)
        default:
            IsomerError(.malformed, "the YAML cannot be read", path: path)
        }
    }

    private static func unet(_ node: Node) throws(IsomerError) -> UNetConfiguration {
        let base = try integer(node, "model_channels")
        let factors = try integers(node, "channel_mult")
        let layers = try integer(node, "num_res_blocks")
        let attended = Set(try integers(node, "attention_resolutions"))
        let depths =
            node["transformer_depth"]?.sequence == nil
            ? factors.map { _ in node["transformer_depth"]?.int ?? 1 } : try integers(node, "transformer_depth")
        guard depths.count == factors.count, (1...64).contains(layers) else {
            throw IsomerError(.malformed, "the description gives another number of depths than of resolutions", item: "transformer_depth")
        }
        var rate = 1
        var down: [UNetConfiguration.Block] = []
        for (factor, depth) in zip(factors, depths) {
            let (channels, overflow) = base.multipliedReportingOverflow(by: factor)
            guard !overflow, rate < 1 << 20 else {
                throw IsomerError(.malformed, "the description's widths are out of range", item: "channel_mult")
            }
            down.append(
                UNetConfiguration.Block(channels: channels, layers: layers, depth: attended.contains(rate) && depth > 0 ? depth : nil))
            rate *= 2
        }
        let up = down.reversed().map {
            UNetConfiguration.Block(channels: $0.channels, layers: layers + 1, depth: $0.depths.first ?? nil)
        }
        var unet = UNetConfiguration(
            inputChannels: try integer(node, "in_channels"), outputChannels: try integer(node, "out_channels"), down: down,
            middle: .attention(depth: node["transformer_depth_middle"]?.int ?? depths.last ?? 1), up: up,
            crossAttentionWidth: try integer(node, "context_dim"),
            usesLinearProjection: node["use_linear_in_transformer"]?.bool ?? false,
            additionWidth: node["num_classes"]?.string == "sequential" ? try integer(node, "adm_in_channels") : nil)
        if let heads = node["num_heads"]?.int, heads > 0 {
            unet.headCounts = down.map { _ in heads }
        } else if let width = node["num_head_channels"]?.int, width > 0 {
            unet.headCounts = down.map { max(1, $0.channels / width) }
        }
        unet.sampleSize = node["image_size"]?.int
        unet.normGroups = 32
        return unet
    }

    private static func vae(_ node: Node, scale: Double?) throws(IsomerError) -> AutoencoderKLConfiguration {
        guard let shape = node["ddconfig"] else {
            throw IsomerError(.malformed, "the description of the VAE has no ddconfig", item: "ddconfig")
        }
        let base = try integer(shape, "ch")
        var channels: [Int] = []
        for factor in try integers(shape, "ch_mult") {
            let (product, overflow) = base.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw IsomerError(.malformed, "the description's widths are out of range", item: "ch_mult") }
            channels.append(product)
        }
        var vae = AutoencoderKLConfiguration(
            inputChannels: try integer(shape, "in_channels"), outputChannels: try integer(shape, "out_ch"), channels: channels,
            layers: try integer(shape, "num_res_blocks"), latentChannels: try integer(shape, "z_channels"))
        vae.scalingFactor = scale
        vae.sampleSize = shape["resolution"]?.int
        vae.normGroups = 32
        return vae
    }

    private static func integer(_ node: Node, _ key: String) throws(IsomerError) -> Int {
        guard let value = node[key]?.int, (1...1 << 24).contains(value) else {
            throw IsomerError(.malformed, "the description lacks a number or has an odd one", item: key, found: node[key]?.string)
        }
        return value
    }

    private static func integers(_ node: Node, _ key: String) throws(IsomerError) -> [Int] {
        let values = node[key]?.sequence?.compactMap(\.int) ?? []
        guard (1...64).contains(values.count), values.allSatisfy({ (1...1 << 24).contains($0) }) else {
            throw IsomerError(.malformed, "the description lacks a list of numbers or has an odd one", item: key)
        }
        return values
    }
}
