internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping

/// What the user may say about a model that is converted.
struct ModelOptions: ParsableArguments {
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Convert only this component: unet, vae, text_encoder. May be repeated.", valueName: "name"))
    var component: [String] = []

    @OptionGroup
    var reading: ModelReading

    @Flag(help: "Carry along what the target has no place for, so that the way back restores it.")
    var keepExtras = false

    /// Whether a conversion between files needs to know nothing of the model.
    func keepsNames(_ layout: NameLayout?) -> Bool {
        let saysNothing = component.isEmpty && !keepExtras && !reading.source.ema && reading.replacements.isEmpty
        return layout == .keep || (layout == nil && saysNothing)
    }

    /// The request to read `source`.
    func request(for source: FilePath) -> ConversionRequest {
        var request = reading.request(for: source)
        request.only = Set(component)
        request.keepsExtras = keepExtras
        return request
    }
}

/// What the user may say about a model, wherever one is read.
struct ModelReading: ParsableArguments {
    @OptionGroup
    var source: SourceOptions

    @Option(help: ArgumentHelp("Take the VAE from this file or folder.", valueName: "path"))
    var vae: PathArgument?

    @Option(help: ArgumentHelp("Take the UNet from this file or folder.", valueName: "path"))
    var unet: PathArgument?

    @Option(help: ArgumentHelp("Take the transformer from this file or folder.", valueName: "path"))
    var transformer: PathArgument?

    @Option(help: ArgumentHelp("Take the text encoder from this file or folder.", valueName: "path"))
    var textEncoder: PathArgument?

    @Option(
        name: .customLong("text-encoder-2"), help: ArgumentHelp("Take the second text encoder from this file or folder.", valueName: "path")
    )
    var secondTextEncoder: PathArgument?

    @Option(
        name: .customLong("text-encoder-3"), help: ArgumentHelp("Take the third text encoder from this file or folder.", valueName: "path"))
    var thirdTextEncoder: PathArgument?

    @Option(help: ArgumentHelp("What the denoiser predicts, where nothing tells: epsilon, v_prediction or sample.", valueName: "type"))
    var predictionType: PredictionArgument?

    @Option(parsing: .singleValue, help: ArgumentHelp("Tensors that may be missing; * stands for anything.", valueName: "pattern"))
    var allowMissing: [String] = []

    @Option(parsing: .singleValue, help: ArgumentHelp("Unknown tensors that may be left out; * stands for anything.", valueName: "pattern"))
    var allowUnknown: [String] = []

    /// The flags that were given and that only tell how a file is read as a model.
    var flagsOfModels: [String] {
        let given = [
            ("--config", source.config != nil), ("--variant", source.variant != nil), ("--architecture", source.architecture != nil),
            ("--prediction-type", predictionType != nil), ("--allow-missing", !allowMissing.isEmpty),
            ("--allow-unknown", !allowUnknown.isEmpty),
        ]
        return given.filter(\.1).map(\.0)
    }

    /// Files that components are taken from, by slot.
    var replacements: [String: FilePath] {
        let said = [
            ("vae", vae), ("unet", unet), ("transformer", transformer), ("text_encoder", textEncoder),
            ("text_encoder_2", secondTextEncoder), ("text_encoder_3", thirdTextEncoder),
        ]
        return said.reduce(into: [:]) { $0[$1.0] = $1.1?.path }
    }

    /// The request to read `source`.
    func request(for source: FilePath) -> ConversionRequest {
        var request = ConversionRequest(source: source)
        self.source.apply(to: &request)
        request.replacements = replacements
        request.prediction = predictionType?.prediction
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
