internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping

/// What the user may say about a model, wherever one is read.
struct ModelOptions: ParsableArguments {
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Convert only this component: unet, vae, text_encoder. May be repeated.", valueName: "name"))
    var component: [String] = []

    @OptionGroup
    var source: SourceOptions

    @Option(help: ArgumentHelp("Take the VAE from this file or folder.", valueName: "path"))
    var vae: PathArgument?

    @Option(help: ArgumentHelp("Take the UNet from this file or folder.", valueName: "path"))
    var unet: PathArgument?

    @Option(help: ArgumentHelp("Take the text encoder from this file or folder.", valueName: "path"))
    var textEncoder: PathArgument?

    @Option(help: ArgumentHelp("What the denoiser predicts, where nothing tells: epsilon or v_prediction.", valueName: "type"))
    var predictionType: PredictionArgument?

    @Flag(help: "Carry along what the target has no place for, so that the way back restores it.")
    var keepExtras = false

    @Option(parsing: .singleValue, help: ArgumentHelp("Tensors that may be missing; * stands for anything.", valueName: "pattern"))
    var allowMissing: [String] = []

    @Option(parsing: .singleValue, help: ArgumentHelp("Unknown tensors that may be left out; * stands for anything.", valueName: "pattern"))
    var allowUnknown: [String] = []

    /// Whether a conversion between files needs to know nothing of the model.
    func keepsNames(_ layout: NameLayout?) -> Bool {
        let saysNothing = component.isEmpty && !source.ema && vae == nil && unet == nil && textEncoder == nil && !keepExtras
        return layout == .keep || (layout == nil && saysNothing)
    }

    /// The request to read the model at `path`.
    func request(for path: FilePath) -> ConversionRequest {
        var request = ConversionRequest(source: path)
        source.apply(to: &request)
        request.only = Set(component)
        for (slot, path) in [("vae", vae), ("unet", unet), ("text_encoder", textEncoder)] { request.replacements[slot] = path?.path }
        request.prediction = predictionType?.prediction
        request.keepsExtras = keepExtras
        request.allowedMissing = allowMissing.map(NamePattern.init)
        request.allowedUnknown = allowUnknown.map(NamePattern.init)
        return request
    }
}

/// What `--prediction-type` knows, under diffusers' names and the short ones.
struct PredictionArgument: ExpressibleByArgument {
    let prediction: Prediction

    init?(argument: String) {
        switch argument.lowercased() {
        case "eps": prediction = .epsilon
        case "v", "v-prediction": prediction = .velocity
        case let name:
            guard let known = Prediction(rawValue: name) else { return nil }
            prediction = known
        }
    }

    static var allValueStrings: [String] { Prediction.allCases.map(\.rawValue) }
}
