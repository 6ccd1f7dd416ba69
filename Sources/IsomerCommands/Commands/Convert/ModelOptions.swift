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

    @Flag(help: "Take the averaged (EMA) weights of a training checkpoint instead of the last ones.")
    var ema = false

    @Option(help: ArgumentHelp("Take the VAE from this file or folder.", valueName: "path"))
    var vae: PathArgument?

    @Option(help: ArgumentHelp("Take the UNet from this file or folder.", valueName: "path"))
    var unet: PathArgument?

    @Option(help: ArgumentHelp("Take the text encoder from this file or folder.", valueName: "path"))
    var textEncoder: PathArgument?

    @Option(
        help: ArgumentHelp(
            "What shapes do not tell: a config.json, a Diffusers folder, or the YAML of the original code.", valueName: "path"))
    var config: PathArgument?

    @Option(help: ArgumentHelp("Which of several variants of a folder's weights to read: fp16.", valueName: "name"))
    var variant: String?

    @Option(help: ArgumentHelp("The architecture, where tensors do not tell: sd1, sd21. `inspect --list` has them.", valueName: "name"))
    var architecture: String?

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
        let saysNothing = component.isEmpty && !ema && vae == nil && unet == nil && textEncoder == nil && !keepExtras
        return layout == .keep || (layout == nil && saysNothing)
    }

    /// The request to read `source`.
    func request(for source: FilePath) -> ConversionRequest {
        var request = ConversionRequest(source: source)
        request.only = Set(component)
        request.usesAverage = ema
        for (slot, path) in [("vae", vae), ("unet", unet), ("text_encoder", textEncoder)] { request.replacements[slot] = path?.path }
        request.configuration = config?.path
        request.variant = variant
        request.architecture = architecture
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
