public import IsomerBytes

/// A small network whose pyramid of features is added to a UNet's: Diffusers' `T2IAdapter`, TencentARC's `Adapter` and `Adapter_light`.
///
/// Reference: diffusers 0.42.1, models/adapter.py; TencentARC/T2I-Adapter, ldm/modules/encoders/adapter.py.
public struct T2IAdapterConfiguration: Hashable, Sendable {
    /// Channels of the picture after its pixels were folded into channels.
    public var foldedChannels: Int
    /// Channels at each level.
    public var channels: [Int]
    /// Residual layers at each level.
    public var layers: Int
    /// Whether it is the light form, whose residual layers are a quarter as wide as the levels.
    public var isLight: Bool

    // What shapes do not tell.

    /// Side of the square of pixels that is folded into channels.
    public var foldedSide: Int?
    /// Whether the levels shrink as SDXL's UNet does rather than as Stable Diffusion 1's; the light form has only the latter.
    public var isForXL: Bool?

    /// A configuration with everything that shapes tell.
    public init(foldedChannels: Int, channels: [Int], layers: Int, isLight: Bool = false) {
        self.foldedChannels = foldedChannels
        self.channels = channels
        self.layers = layers
        self.isLight = isLight
    }
}

extension T2IAdapterConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "T2IAdapter")]
    public static let title = "T2I-Adapter"
    public static let signature = NetworkSignature(
        present: ["adapter.body.0.resnets.0.block1.weight", "adapter.body.0.resnets.0.block2.weight"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard let first = channels.first else { throw IsomerError(.malformed, "an adapter needs at least one level") }
        return try isLight ? lightManifest() : fullManifest(first: first)
    }

    /// The manifest of the full form, whose first level is as wide as the convolution before it.
    private func fullManifest(first: Int) throws(IsomerError) -> Manifest {
        var width = first
        var builder = ManifestBuilder()
        try builder.convolution("adapter.conv_in", input: foldedChannels, output: width, kernel: 3)
        for (i, output) in channels.enumerated() {
            try builder.scope("adapter.body.\(i)") { builder throws(IsomerError) in
                if width != output { try builder.convolution("in_conv", input: width, output: output, kernel: 1) }
                for j in 0..<layers {
                    try builder.convolution("resnets.\(j).block1", input: output, output: output, kernel: 3)
                    try builder.convolution("resnets.\(j).block2", input: output, output: output, kernel: 1)
                }
            }
            width = output
        }
        return builder.manifest
    }

    private func lightManifest() throws(IsomerError) -> Manifest {
        var width = foldedChannels
        var builder = ManifestBuilder()
        for (i, output) in channels.enumerated() {
            let inner = try innerWidth(output)
            try builder.scope("adapter.body.\(i)") { builder throws(IsomerError) in
                try builder.convolution("in_conv", input: width, output: inner, kernel: 1)
                for j in 0..<layers {
                    try builder.convolution("resnets.\(j).block1", input: inner, output: inner, kernel: 3)
                    try builder.convolution("resnets.\(j).block2", input: inner, output: inner, kernel: 3)
                }
                try builder.convolution("out_conv", input: inner, output: output, kernel: 1)
            }
            width = output
        }
        return builder.manifest
    }

    /// The light form's channels inside a level of `channels`.
    public func innerWidth(_ channels: Int) throws(IsomerError) -> Int {
        guard channels >= 4 else { throw IsomerError(.malformed, "a light adapter's level needs four channels", found: "\(channels)") }
        return channels / 4
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        // Only the light form's levels end in a convolution of their own.
        let isLight = inventory.has("adapter.body.0.out_conv.weight")
        let (input, output) = isLight ? ("body.0.in_conv", "out_conv") : ("conv_in", "resnets.0.block1")
        var channels: [Int] = []
        for i in 0..<inventory.count(under: "adapter.body") {
            channels.append(try inventory.required("adapter.body.\(i).\(output).weight", axis: 0))
        }
        self.init(
            foldedChannels: try inventory.required("adapter.\(input).weight", axis: 1), channels: channels,
            layers: inventory.count(under: "adapter.body.0.resnets"), isLight: isLight)
    }

    /// Reads Diffusers' `config.json` of a `T2IAdapter`.
    public init(json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("adapter_type", "full_adapter", "full_adapter_xl", "light_adapter")
        let type = try json.optional("adapter_type")?.string()
        let side = try json.extent("downscale_factor", default: 8)
        let inputs = try json.extent("in_channels", default: 3)
        let layers = try json.extent("num_res_blocks", default: 2)
        guard side <= 256, inputs <= 1 << 10, layers <= 64 else {
            throw json.failure("downscale_factor, in_channels or num_res_blocks is out of range")
        }
        var channels = try json.optional("channels")?.extents() ?? [320, 640, 1280, 1280]
        let isLight = type == "light_adapter"
        // The light form has one more level than it says, as wide as the last.
        if isLight, let last = channels.last { channels.append(last) }
        self.init(foldedChannels: inputs * side * side, channels: channels, layers: layers, isLight: isLight)
        foldedSide = side
        isForXL = type == "full_adapter_xl"
    }

    public var structure: T2IAdapterConfiguration {
        T2IAdapterConfiguration(foldedChannels: foldedChannels, channels: channels, layers: layers, isLight: isLight)
    }

    public var undecided: [String] {
        (foldedSide == nil ? ["downscale_factor"] : []) + (isForXL == nil && !isLight ? ["adapter_type"] : [])
    }

    public func completed(by other: T2IAdapterConfiguration) -> T2IAdapterConfiguration {
        var result = self
        result.foldedSide = foldedSide ?? other.foldedSide
        result.isForXL = isForXL ?? other.isForXL
        return result
    }

    public func completed(asRelativeOf other: T2IAdapterConfiguration) -> T2IAdapterConfiguration? {
        // The same network for drawings has one channel instead of three.
        guard let side = other.foldedSide, foldedChannels == side * side, channels == other.channels, isLight == other.isLight
        else { return nil }
        return completed(by: other)
    }

    public var summary: String { "\(channels.map(String.init).joined(separator: "·")) wide; \(foldedChannels) channels in" }

    public var tiny: T2IAdapterConfiguration {
        var small = self
        small.channels = channels.map { max(4, $0 / 20) }
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        guard let foldedSide, foldedSide > 0, foldedChannels % (foldedSide * foldedSide) == 0 else {
            throw IsomerError.indivisible("number of channels", foldedChannels, by: (foldedSide ?? 0) * (foldedSide ?? 0))
        }
        let isSayable = !isLight || (channels.count > 1 && channels.last == channels.dropLast().last)
        guard isSayable else {
            throw IsomerError(
                .unsupported, "Diffusers' light adapter has a last level as wide as the one before it", found: summary,
                remedy: "a file in the original layout can hold it")
        }
        return [
            "_class_name": "T2IAdapter",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "adapter_type": isLight ? "light_adapter" : isForXL == true ? "full_adapter_xl" : "full_adapter",
            "channels": JSONValue(isLight ? channels.dropLast() : channels),
            "downscale_factor": JSONValue(foldedSide),
            "in_channels": JSONValue(foldedChannels / (foldedSide * foldedSide)),
            "num_res_blocks": JSONValue(layers),
        ]
    }
}
