import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerNetworks

/// Stable Diffusion 1, 2 and XL.
struct UNetDenoiser: Denoiser {
    let slot = "unet"
    let latentChannels: Int
    let surroundings: Surroundings
    let sizeUnit = 1
    let usualSide: Int
    var hasGuidance: Bool { network.configuration.guidanceWidth != nil }
    private let network: UNet2DCondition
    private let controls: [ControlBranch]

    init(_ model: GenerationModel, controls: [ControlBranch]) throws(IsomerError) {
        let configuration: UNetConfiguration = try model.configuration(slot)
        network = try UNet2DCondition(configuration)
        guard configuration.classEmbedding == .none else {
            throw IsomerError(.unsupported, "images are not made with UNets that want a class", path: model.path, item: slot)
        }
        latentChannels = configuration.outputChannels
        surroundings = Surroundings(channels: configuration.inputChannels - latentChannels, latent: latentChannels, mask: 1)
        usualSide = configuration.sampleSize ?? 64
        self.controls = controls
        for control in controls { try control.check(network) }
    }

    func predictions(
        of inputs: [Values], time: Float, _ branches: [Branch], _ place: StepPlace, in session: ModelSession
    ) throws(IsomerError) -> [[Values]] {
        let images = inputs.count * branches.count
        let sample = batch(inputs, branches)
        let context = repeated(branches.map(\.text.context), inputs.count)
        let times = Array(repeating: time, count: images)
        let results = try session.stage(slot).run { c, module throws(IsomerError) in
            var conditioning = UNet2DCondition.Conditioning(context: try context.tensor(c))
            if hasGuidance { conditioning.guidance = branches.flatMap { branch in inputs.compactMap { _ in branch.guidance } } }
            if network.configuration.additionWidth != nil {
                let pooled = try repeated(branches.compactMap(\.text.pooled), inputs.count).tensor(c)
                conditioning.addition = (pooled, branches.flatMap { branch in inputs.flatMap { _ in branch.sizes } })
            }
            let input = try sample.tensor(c)
            var answer: (down: [Tensor], middle: Tensor)?
            for control in controls where c.isPlanning || control.isOn(place) {
                let (down, middle) = try control.answer(c, input, times, conditioning)
                if let sum = answer {
                    guard sum.down.count == down.count else { throw control.doesNotFit }
                    var added: [Tensor] = []
                    for (a, b) in zip(sum.down, down) { added.append(try c.add(a, b)) }
                    answer = (added, try c.add(sum.middle, middle))
                } else {
                    answer = (down, middle)
                }
            }
            conditioning.control = answer
            return [try network(c, module, sample: input, times: times, conditioning)]
        }
        return byBranch(results[0], inputs, branches)
    }
}
