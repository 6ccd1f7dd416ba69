public import IsomerBytes

/// A small autoencoder that imitates a large one: Diffusers' `AutoencoderTiny`, TAESD. Shapes tell all of it but its scale.
///
/// Reference: diffusers 0.42.1, models/autoencoders/autoencoder_tiny.py; madebyollin/taesd.
public struct AutoencoderTinyConfiguration: Hashable, Sendable {
    /// Channels of pictures.
    public var inputChannels: Int
    public var outputChannels: Int
    /// Channels of the latent.
    public var latentChannels: Int
    /// Channels inside.
    public var width: Int
    /// Residual layers at each resolution.
    public var encoderBlocks: [Int]
    public var decoderBlocks: [Int]

    /// A configuration; nothing of it is optional.
    public init(
        inputChannels: Int = 3, outputChannels: Int = 3, latentChannels: Int, width: Int, encoderBlocks: [Int], decoderBlocks: [Int]
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.latentChannels = latentChannels
        self.width = width
        self.encoderBlocks = encoderBlocks
        self.decoderBlocks = decoderBlocks
    }
}

extension AutoencoderTinyConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "AutoencoderTiny")]
    public static let title = "tiny VAE"
    public static let signature = NetworkSignature(
        present: ["encoder.layers.0.weight", "encoder.layers.1.conv.0.weight", "decoder.layers.0.weight", "decoder.layers.2.conv.0.weight"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary. Layers are numbered with those that have no tensors.
    public func manifest() throws(IsomerError) -> Manifest {
        guard !encoderBlocks.isEmpty, !decoderBlocks.isEmpty else {
            throw IsomerError(.malformed, "an autoencoder needs at least one resolution")
        }
        var builder = ManifestBuilder()
        try builder.scope("encoder.layers") { builder throws(IsomerError) in
            var layer = 0
            for (i, count) in encoderBlocks.enumerated() {
                if i == 0 {
                    try builder.convolution("\(layer)", input: inputChannels, output: width, kernel: 3)
                } else {
                    try builder.parameter("\(layer).weight", [width, width, 3, 3])
                }
                layer += 1
                try blocks(&builder, from: &layer, count)
            }
            try builder.convolution("\(layer)", input: width, output: latentChannels, kernel: 3)
        }
        try builder.scope("decoder.layers") { builder throws(IsomerError) in
            try builder.convolution("0", input: latentChannels, output: width, kernel: 3)
            // A convolution, its function.
            var layer = 2
            for (i, count) in decoderBlocks.enumerated() {
                try blocks(&builder, from: &layer, count)
                if i + 1 < decoderBlocks.count {
                    // The enlargement has no tensors.
                    layer += 1
                    try builder.parameter("\(layer).weight", [width, width, 3, 3])
                    layer += 1
                } else {
                    try builder.convolution("\(layer)", input: width, output: outputChannels, kernel: 3)
                }
            }
        }
        return builder.manifest
    }

    private func blocks(_ builder: inout ManifestBuilder, from layer: inout Int, _ count: Int) throws(IsomerError) {
        for _ in 0..<count {
            for i in [0, 2, 4] { try builder.convolution("\(layer).conv.\(i)", input: width, output: width, kernel: 3) }
            layer += 1
        }
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        func counts(_ path: String, from first: Int) -> (counts: [Int], last: Int) {
            var counts = [0]
            var layer = first
            while true {
                if inventory.has("\(path).\(layer).conv.0.weight") {
                    counts[counts.count - 1] += 1
                } else if inventory.has("\(path).\(layer).bias") {
                    return (counts, layer)
                } else if inventory.has("\(path).\(layer).weight") {
                    counts.append(0)
                } else if !inventory.has("\(path).\(layer + 1).weight") {
                    return (counts, layer)
                }
                layer += 1
            }
        }
        let encoder = counts("encoder.layers", from: 1)
        let decoder = counts("decoder.layers", from: 2)
        self.init(
            inputChannels: try inventory.required("encoder.layers.0.weight", axis: 1),
            outputChannels: try inventory.required("decoder.layers.\(decoder.last).weight", axis: 0),
            latentChannels: try inventory.required("decoder.layers.0.weight", axis: 1),
            width: try inventory.required("encoder.layers.0.weight", axis: 0), encoderBlocks: encoder.counts, decoderBlocks: decoder.counts)
    }

    /// Reads Diffusers' `config.json` of an `AutoencoderTiny`.
    public init(json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("act_fn", "relu")
        try json.requireUsual("upsample_fn", "nearest")
        try json.requireUsual("upsampling_scaling_factor", 2)
        let encoder = try json.optional("encoder_block_out_channels")?.extents() ?? [64, 64, 64, 64]
        let decoder = try json.optional("decoder_block_out_channels")?.extents() ?? [64, 64, 64, 64]
        guard let width = encoder.first, Set(encoder + decoder) == [width] else {
            throw IsomerError(
                .unsupported, "the configuration gives each block another width", path: json.path, item: "encoder_block_out_channels")
        }
        func blocks(_ key: String, _ standard: [Int], _ count: Int) throws(IsomerError) -> [Int] {
            guard let list = try json.optional(key) else { return standard }
            return try list.perLevel(count) { cursor throws(IsomerError) -> Int in try cursor.integer(in: 0...64) }
        }
        self.init(
            inputChannels: try json.extent("in_channels", default: 3), outputChannels: try json.extent("out_channels", default: 3),
            latentChannels: try json.extent("latent_channels", default: 4), width: width,
            encoderBlocks: try blocks("num_encoder_blocks", [1, 3, 3, 3], encoder.count),
            decoderBlocks: try blocks("num_decoder_blocks", [3, 3, 3, 1], decoder.count))
    }

    public var structure: AutoencoderTinyConfiguration { self }
    public var undecided: [String] { [] }
    public func completed(by other: AutoencoderTinyConfiguration) -> AutoencoderTinyConfiguration { self }
    public func completed(asRelativeOf other: AutoencoderTinyConfiguration) -> AutoencoderTinyConfiguration? { self }

    public var summary: String {
        "\(latentChannels) latent channels; \(width) wide"
    }

    public var tiny: AutoencoderTinyConfiguration {
        var small = self
        small.width = 8
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        [
            "_class_name": "AutoencoderTiny",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "act_fn": "relu",
            "block_out_channels": JSONValue(decoderBlocks.map { _ in width }),
            "decoder_block_out_channels": JSONValue(decoderBlocks.map { _ in width }),
            "encoder_block_out_channels": JSONValue(encoderBlocks.map { _ in width }),
            "force_upcast": false,
            "in_channels": JSONValue(inputChannels),
            "latent_channels": JSONValue(latentChannels),
            "latent_magnitude": 3,
            "latent_shift": 0.5,
            "num_decoder_blocks": JSONValue(decoderBlocks),
            "num_encoder_blocks": JSONValue(encoderBlocks),
            "out_channels": JSONValue(outputChannels),
            "scaling_factor": 1.0,
            "shift_factor": 0.0,
            "upsample_fn": "nearest",
            "upsampling_scaling_factor": 2,
        ]
    }
}
