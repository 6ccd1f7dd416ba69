public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// One network of any known kind, to be run on made-up inputs: proof that its weights load and compute.
public struct NetworkProbe {
    private enum Network {
        case unet(UNet2DCondition)
        case controlNet(ControlNet)
        case adapter(T2IAdapter)
        case autoencoder(AutoencoderKL)
        case tinyAutoencoder(AutoencoderTiny)
        case text(CLIPTextEncoder)
        case t5(T5Encoder)
        case sd3(SD3Transformer)
        case sd3ControlNet(SD3ControlNet)
        case flux(FluxTransformer)
        case fluxControlNet(FluxControlNet)
    }

    private let network: Network
    private let size: Int

    /// A result by name.
    public struct Output {
        /// What it is: "prediction".
        public let name: String
        /// Its numbers.
        public let tensor: Tensor
    }

    /// Throws `undecided` if the configuration leaves something open, and `unsupported` if there is no forward pass for its kind.
    ///
    /// - Parameter size: width and height of latents, rounded up to what the network takes.
    public init(_ configuration: any NetworkConfiguration, size: Int = 16) throws(IsomerError) {
        self.size = size
        network =
            switch configuration {
            case let known as UNetConfiguration: .unet(try UNet2DCondition(known))
            case let known as ControlNetConfiguration: .controlNet(try ControlNet(known))
            case let known as T2IAdapterConfiguration: .adapter(try T2IAdapter(known))
            case let known as AutoencoderKLConfiguration: .autoencoder(try AutoencoderKL(known))
            case let known as AutoencoderTinyConfiguration: .tinyAutoencoder(try AutoencoderTiny(known))
            case let known as CLIPTextConfiguration: .text(try CLIPTextEncoder(known))
            case let known as T5EncoderConfiguration: .t5(try T5Encoder(known))
            case let known as SD3TransformerConfiguration: .sd3(try SD3Transformer(known))
            case let known as SD3ControlNetConfiguration: .sd3ControlNet(try SD3ControlNet(known))
            case let known as FluxTransformerConfiguration: .flux(try FluxTransformer(known))
            case let known as FluxControlNetConfiguration: .fluxControlNet(try FluxControlNet(known))
            default:
                throw IsomerError(.unsupported, "there is no forward pass for a \(type(of: configuration).title) in this version")
            }
    }

    /// Runs the network, or plans it. Inputs follow from `seed`.
    public func run(_ c: Computation, _ weights: Weights, seed: UInt64 = 1) throws(IsomerError) -> [Output] {
        let inputs = ProbeInputs(seed: seed)
        func rounded(to unit: Int) -> Int { (size + unit - 1) / unit * unit }
        func list(_ name: String, _ tensors: [Tensor]) -> [Output] {
            tensors.enumerated().map { Output(name: "\(name) \($0)", tensor: $1) }
        }
        switch network {
        case .unet(let unet):
            let side = rounded(to: unet.sizeUnit)
            let made = try unet.rehearse(c, weights, height: side, width: side, images: 1, inputs: inputs)
            return [Output(name: "prediction", tensor: made)]
        case .controlNet(let network):
            let made = try network.rehearse(c, weights, side: rounded(to: network.sizeUnit), inputs: inputs)
            return list("down", made.down) + [Output(name: "middle", tensor: made.middle)]
        case .adapter(let network):
            // As large as the picture that the latent stands for.
            return list("features", try network.rehearse(c, weights, side: rounded(to: 2) * 8, inputs: inputs))
        case .autoencoder(let autoencoder):
            let made = try autoencoder.rehearse(c, weights, height: size, width: size, inputs: inputs)
            return [Output(name: "moments", tensor: made.moments), Output(name: "pictures", tensor: made.pictures)]
        case .tinyAutoencoder(let autoencoder):
            let made = try autoencoder.rehearse(c, weights, side: size, inputs: inputs)
            return [Output(name: "latents", tensor: made.latents), Output(name: "pictures", tensor: made.pictures)]
        case .text(let encoder):
            let made = try encoder.rehearse(c, weights)
            var outputs = [Output(name: "last", tensor: made.last), Output(name: "pooled", tensor: made.pooled)]
            if let penultimate = made.hiddenStates.first { outputs.append(Output(name: "penultimate", tensor: penultimate)) }
            if let projected = made.projected { outputs.append(Output(name: "projected", tensor: projected)) }
            return outputs
        case .t5(let encoder): return [Output(name: "last", tensor: try encoder.rehearse(c, weights))]
        case .sd3(let network):
            let made = try network.rehearse(c, weights, side: rounded(to: network.sizeUnit), inputs: inputs)
            return [Output(name: "prediction", tensor: made)]
        case .sd3ControlNet(let network): return list("block", try network.rehearse(c, weights, side: rounded(to: 2), inputs: inputs))
        case .flux(let network):
            return [Output(name: "prediction", tensor: try network.rehearse(c, weights, side: rounded(to: 2), inputs: inputs))]
        case .fluxControlNet(let network):
            let made = try network.rehearse(c, weights, side: rounded(to: 2), inputs: inputs)
            return list("block", made.double) + list("single block", made.single)
        }
    }

    /// The mean of output less input, for an input of 0.5 everywhere at time 999 under a text of 0.5 everywhere: below -1 where the network
    /// predicts v rather than the noise. The question is Stable Diffusion 2's, whose weights look the same for both. `nil` in a plan, and of what
    /// is no UNet from latents alone to latents.
    ///
    /// Reference: stable-diffusion-webui 1.10, modules/sd_models_config.py, `is_using_v_parameterization_for_sd2`.
    public func predictionMean(_ c: Computation, _ weights: Weights) throws(IsomerError) -> Double? {
        guard case .unet(let unet) = network, unet.configuration.inputChannels == unet.configuration.outputChannels,
            unet.configuration.additionWidth == nil, unet.configuration.classEmbedding == .none
        else { return nil }
        let side = (8 + unet.sizeUnit - 1) / unet.sizeUnit * unet.sizeUnit
        let shape = [1, side, side, unet.configuration.inputChannels]
        let sample = try c.filled(shape, 0.5)
        let context = try c.filled([1, 2, unet.configuration.crossAttentionWidth], 0.5)
        let output = try unet(c, weights.root, sample: sample, times: [999], UNet2DCondition.Conditioning(context: context))
        guard !c.isPlanning else { return nil }
        return output.values.reduce(0.0) { $0 + Double($1) - 0.5 } / Double(output.count)
    }
}
