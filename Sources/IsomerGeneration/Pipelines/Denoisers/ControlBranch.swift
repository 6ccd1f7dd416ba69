import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerConversion
import IsomerImages
import IsomerMapping
import IsomerNetworks

/// A ControlNet that takes part in a denoiser's passes, and the picture that it looks at.
final class ControlBranch {
    private let network: ControlNet
    private let weights: Weights
    private let control: GenerationRequest.Control
    private let input: PictureInput
    private var picture: Values?

    /// Opens the network. Throws `unsupported` if the file is something else.
    init(_ control: GenerationRequest.Control, limits: Limits) throws(IsomerError) {
        var request = ConversionRequest(source: control.model)
        request.limits = limits
        let model = try Model(request)
        guard let component = model.components.values.first, model.components.count == 1,
            let configuration = component.slot.written(component.configuration) as? ControlNetConfiguration
        else {
            throw IsomerError(
                .unsupported, "this is no ControlNet of Stable Diffusion 1, 2 or XL", path: control.model, found: model.family.title)
        }
        guard configuration.union == nil else {
            throw IsomerError(.unsupported, "images are not made with unions of ControlNets yet", path: control.model)
        }
        network = try ControlNet(configuration)
        weights = Weights(try model.canonicalTensors(), under: component.slot.name + "/")
        self.control = control
        input = try PictureInput(control.picture, limits: limits)
    }

    /// Fits the picture to an image.
    func look(at size: PixelSize) throws(IsomerError) { picture = try input.samples(size) }

    func isOn(_ place: StepPlace) -> Bool { control.scale != 0 && place.isInside(control.start, control.end) }

    var doesNotFit: IsomerError {
        IsomerError(
            .mismatch, "the ControlNet was made for another base model", path: control.model,
            remedy: "use one that was made for models of this family")
    }

    /// Throws `mismatch` unless the network is one for `unet`.
    func check(_ unet: UNet2DCondition) throws(IsomerError) {
        let (mine, its) = (network.configuration.encoder, unet.configuration)
        let isAlike =
            mine.down.map(\.channels) == its.down.map(\.channels) && mine.crossAttentionWidth == its.crossAttentionWidth
            && mine.down.map(\.layers) == its.down.map(\.layers) && mine.additionWidth == its.additionWidth
        guard isAlike else {
            var error = doesNotFit
            error.expected = "a text width of \(its.crossAttentionWidth), channels \(its.down.map(\.channels))"
            error.found = "\(mine.crossAttentionWidth), \(mine.down.map(\.channels))"
            throw error
        }
    }

    /// What is added to the UNet's way down.
    func answer(
        _ c: Computation, _ sample: Tensor, _ times: [Float], _ conditioning: UNet2DCondition.Conditioning
    ) throws(IsomerError) -> (down: [Tensor], middle: Tensor) {
        guard let picture else { throw IsomerError(.usage, "the ControlNet has no picture to look at", path: control.model) }
        do throws(IsomerError) {
            // It sees the latent alone, also where the UNet sees more beside it.
            let channels = network.configuration.encoder.inputChannels
            let latent = sample.channels == channels ? sample : try c.leadingChannels(sample, channels)
            let pictures = try Values.stacked(Array(repeating: picture, count: sample.shape[0])).tensor(c)
            return try network(
                c, weights.root, sample: latent, times: times, conditions: [ControlNet.Condition(pictures, scale: Float(control.scale))],
                conditioning)
        } catch {
            throw error.inFile(control.model)
        }
    }
}

extension Computation {
    /// The first channels of a picture.
    fileprivate func leadingChannels(_ x: Tensor, _ count: Int) throws(IsomerError) -> Tensor {
        let shape = Array(x.shape.dropLast()) + [count]
        guard !isPlanning else { return try zeros(shape) }
        let (width, values) = (x.channels, x.values)
        return try tensor(shape, (0..<x.rows).flatMap { values[$0 * width..<$0 * width + count] })
    }
}
