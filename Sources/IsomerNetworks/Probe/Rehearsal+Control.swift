import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

extension ControlNet {
    /// Runs once on made-up inputs: a latent of `side` times `side`, and one picture.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int? = nil, tokens: Int = 77, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> (down: [Tensor], middle: Tensor) {
        let side = side ?? sizeUnit
        let sample = try inputs.tensor(c, "sample", [1, side, side, configuration.encoder.inputChannels])
        let picture = try inputs.tensor(
            c, "picture", [1, side * pictureMagnification, side * pictureMagnification, configuration.conditioningChannels])
        return try self(
            c, weights.root, sample: sample, times: inputs.times(1), conditions: [Condition(picture)],
            inputs.conditioning(c, configuration.encoder, images: 1, tokens: tokens))
    }
}

extension T2IAdapter {
    /// Runs once on a made-up picture of `side` times `side`, rounded up to what the network takes.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int = 64, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> [Tensor] {
        let side = (side + sizeUnit - 1) / sizeUnit * sizeUnit
        return try self(c, weights.root, inputs.tensor(c, "picture", [1, side, side, pictureChannels]))
    }
}

extension SD3Transformer {
    /// Runs once on a made-up latent of `side` times `side`.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int? = nil, tokens: Int = 77, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> Tensor {
        let largest = configuration.positionsSide * configuration.patchSize
        let side = min(largest, side ?? 2 * sizeUnit)
        let sample = try inputs.tensor(c, "sample", [1, side, side, configuration.inputChannels])
        let conditioning = Conditioning(
            context: try inputs.tensor(c, "context", [1, tokens, configuration.contextWidth]),
            pooled: try inputs.tensor(c, "pooled", [1, configuration.pooledWidth]))
        return try self(c, weights.root, sample: sample, times: inputs.times(1), conditioning)
    }
}

extension SD3ControlNet {
    /// Runs once on a made-up latent of `side` times `side`, or on tokens where it takes the base model's.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int? = nil, tokens: Int = 77, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> [Tensor] {
        let patch = configuration.patchSize
        let wanted = ((side ?? 2 * patch) + patch - 1) / patch * patch
        let side = min(wanted, (configuration.positionsSide ?? wanted) * patch)
        let squares = side / patch * (side / patch)
        let sample =
            embedsLatent
            ? try inputs.tensor(c, "sample", [1, side, side, configuration.inputChannels])
            : try inputs.tensor(c, "tokens", [1, squares, configuration.width])
        let condition = try inputs.tensor(
            c, "condition", [1, side, side, configuration.inputChannels + configuration.extraChannels])
        var context: Tensor?
        if let width = configuration.contextWidth { context = try inputs.tensor(c, "context", [1, tokens, width]) }
        return try self(
            c, weights.root, sample: sample, condition: condition, times: inputs.times(1),
            pooled: inputs.tensor(c, "pooled", [1, configuration.pooledWidth]), context: context)
    }
}

extension FluxTransformer {
    /// Runs once on made-up tokens of a latent of `side` times `side`.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int = 4, tokens: Int = 77, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> Tensor {
        let places = Self.positions(height: side, width: side)
        let conditioning = Conditioning(
            context: try inputs.tensor(c, "context", [1, tokens, configuration.contextWidth]),
            pooled: try inputs.tensor(c, "pooled", [1, configuration.pooledWidth]), guidance: configuration.hasGuidance ? [3.5] : nil)
        return try self(
            c, weights.root, tokens: inputs.tensor(c, "sample", [1, places.count, configuration.inputWidth]), positions: places,
            times: inputs.times(1).map { $0 / 1000 }, conditioning)
    }
}

extension FluxControlNet {
    /// Runs once on made-up tokens of a latent of `side` times `side`.
    @discardableResult
    public func rehearse(
        _ c: Computation, _ weights: Weights, side: Int = 4, tokens: Int = 77, inputs: ProbeInputs = ProbeInputs(seed: 1)
    ) throws(IsomerError) -> FluxControlNet.Output {
        let trunk = configuration.trunk
        let places = FluxTransformer.positions(height: side, width: side)
        let sample = try inputs.tensor(c, "sample", [1, places.count, trunk.inputWidth])
        let condition: Tensor
        if let widths = configuration.pictureWidths {
            let picture = side << (widths.count - 1)
            condition = try inputs.tensor(c, "picture", [1, picture, picture, 3])
        } else {
            condition = try inputs.tensor(c, "condition", [1, places.count, trunk.inputWidth])
        }
        return try self(
            c, weights.root, tokens: sample, condition: condition, positions: places, times: inputs.times(1).map { $0 / 1000 },
            context: inputs.tensor(c, "context", [1, tokens, trunk.contextWidth]),
            pooled: inputs.tensor(c, "pooled", [1, trunk.pooledWidth]), guidance: trunk.hasGuidance ? [3.5] : nil,
            mode: configuration.modes == nil ? nil : [0])
    }
}
