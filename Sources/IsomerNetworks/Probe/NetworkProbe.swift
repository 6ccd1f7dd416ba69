public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// A network that a probe can run: what is to be written, beside its forward pass, for `isomer validate` to know it.
protocol ProbedNetwork: SendableMetatype {
    /// What tells one network of this kind from another.
    associatedtype Configuration: NetworkConfiguration

    /// Throws `undecided` if the configuration leaves something open.
    init(_ configuration: Configuration) throws(IsomerError)

    /// Runs the network once on made-up inputs, or plans it.
    ///
    /// - Parameter size: width and height of latents, which the network rounds up to what it takes.
    func outputs(_ c: Computation, _ weights: Weights, size: Int, _ inputs: ProbeInputs) throws(IsomerError) -> [NetworkProbe.Output]
}

/// One network of any known kind, to be run on made-up inputs: proof that its weights load and compute.
public struct NetworkProbe {
    /// Every network that has a forward pass.
    private static let networks: [any ProbedNetwork.Type] = [
        UNet2DCondition.self, ControlNet.self, T2IAdapter.self, AutoencoderKL.self, AutoencoderTiny.self, CLIPTextEncoder.self,
        T5Encoder.self, SD3Transformer.self, SD3ControlNet.self, FluxTransformer.self, FluxControlNet.self, PixArtTransformer.self,
        AuraFlowTransformer.self,
    ]

    private let network: any ProbedNetwork
    private let size: Int

    /// A result by name.
    public struct Output {
        /// What it is: "prediction".
        public let name: String
        /// Its numbers.
        public let tensor: Tensor

        init(_ name: String, _ tensor: Tensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    /// Throws `undecided` if the configuration leaves something open, and `unsupported` if there is no forward pass for its kind.
    ///
    /// - Parameter size: width and height of latents, rounded up to what the network takes.
    public init(_ configuration: any NetworkConfiguration, size: Int = 16) throws(IsomerError) {
        for kind in Self.networks {
            guard let network = try kind.network(of: configuration) else { continue }
            self.network = network
            self.size = size
            return
        }
        throw IsomerError(.unsupported, "there is no forward pass for a \(type(of: configuration).title) in this version")
    }

    /// Runs the network, or plans it. Inputs follow from `seed`, and ids of tokens are below `vocabulary`.
    public func run(
        _ c: Computation, _ weights: Weights, seed: UInt64 = 1, vocabulary: Int = .max
    ) throws(IsomerError) -> [Output] {
        try network.outputs(c, weights, size: size, ProbeInputs(seed: seed, vocabulary: vocabulary))
    }

    /// The mean of output less input, for an input of 0.5 everywhere at time 999 under a text of 0.5 everywhere: below -1 where the network
    /// predicts v rather than the noise. The question is Stable Diffusion 2's, whose weights look the same for both. `nil` in a plan, and of what
    /// is no UNet from latents alone to latents.
    ///
    /// Reference: stable-diffusion-webui 1.10, modules/sd_models_config.py, `is_using_v_parameterization_for_sd2`.
    public func predictionMean(_ c: Computation, _ weights: Weights) throws(IsomerError) -> Double? {
        guard let unet = network as? UNet2DCondition, unet.configuration.inputChannels == unet.configuration.outputChannels,
            unet.configuration.additionWidth == nil, unet.configuration.classEmbedding == .none
        else { return nil }
        let side = 8.rounded(upTo: unet.sizeUnit)
        let shape = [1, side, side, unet.configuration.inputChannels]
        let sample = try c.filled(shape, 0.5)
        let context = try c.filled([1, 2, unet.configuration.crossAttentionWidth], 0.5)
        let output = try unet(c, weights.root, sample: sample, times: [999], UNet2DCondition.Conditioning(context: context))
        guard !c.isPlanning else { return nil }
        return output.values.reduce(0.0) { $0 + Double($1) - 0.5 } / Double(output.count)
    }
}

extension ProbedNetwork {
    /// The network that `configuration` describes; `nil` if it is one of another kind.
    fileprivate static func network(of configuration: any NetworkConfiguration) throws(IsomerError) -> Self? {
        guard let known = configuration as? Configuration else { return nil }
        return try Self(known)
    }
}

extension [NetworkProbe.Output] {
    /// Results of which there are several of one kind: "down 0", "down 1".
    static func numbered(_ name: String, _ tensors: [Tensor]) -> [NetworkProbe.Output] {
        tensors.enumerated().map { NetworkProbe.Output("\(name) \($0)", $1) }
    }
}
