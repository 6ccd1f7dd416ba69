internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerCompute
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerNetworks

extension Prediction {
    /// What a denoiser predicts whose answer to a constant picture lies `mean` above it on average: noise or velocity.
    init(probed mean: Double) { self = mean < -1 ? .velocity : .epsilon }
}

/// Asks a denoiser itself what it predicts, where nothing else tells.
struct PredictionProbe {
    let mean: Double

    /// `nil` where something better than a guess tells, or where the question makes no sense.
    init?(_ model: Model, workers: Workers) throws(IsomerError) {
        guard model.family.asksForPrediction, model.prediction == nil || model.prediction?.isGuess == true,
            let unet = model.components["unet"], unet.configuration.undecided.isEmpty
        else { return nil }
        let probe = try NetworkProbe(unet.slot.written(unet.configuration), size: 8)
        let source = try model.canonicalTensors()
        let lookup = Weights(source, under: "unet/", isLenient: true)
        let plan = Computation.plan(workers: workers)
        _ = try probe.predictionMean(plan, lookup)
        guard lookup.problems.isEmpty else { return nil }
        let pass = try Computation(workers: workers, planned: plan.peak)
        guard let mean = try probe.predictionMean(pass, Weights(source, under: "unet/")), mean.isFinite else { return nil }
        self.mean = mean
    }

    var prediction: Prediction { Prediction(probed: mean) }

    /// As a clause.
    var reason: String {
        "its answer to a constant picture at the last time step lies \(Numbers.significant(mean)) above it on average (below -1 for v models)"
    }

    var decision: Decision { .prediction(prediction, because: reason) }
}
