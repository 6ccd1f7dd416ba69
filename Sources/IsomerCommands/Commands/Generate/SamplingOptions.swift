internal import ArgumentParser
internal import IsomerBytes
internal import IsomerGeneration

/// How noise becomes an image.
struct SamplingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How many steps are taken. If not said: 20; 28 with Stable Diffusion 3 and Flux.1 dev, 4 with schnell and LCM.",
            valueName: "count"))
    var steps: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The image's width in pixels: a multiple of 8, with Stable Diffusion 3 and Flux of 16. If not said: what the model was "
                + "trained for, or the picture's.",
            valueName: "pixels"))
    var width: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Its height in pixels.", valueName: "pixels"))
    var height: Int?

    @Option(
        help: ArgumentHelp(
            SamplerChoice.all.map(\.name).joined(separator: ", ")
                + "; also by A1111's names or diffusers' classes, and with a schedule's name behind it. If not said: the model's own.",
            valueName: "name"))
    var sampler: String?

    @Option(help: ArgumentHelp("How the levels of noise are spread: normal, karras, exponential, beta, lu, ays.", valueName: "name"))
    var schedule: String?

    @Option(help: ArgumentHelp("Which of the training's steps are taken: leading, linspace or trailing.", valueName: "name"))
    var spacing: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much noise ddim and tcd add on the way: 0 to 1. (default: 0)", valueName: "share"))
    var eta: Double?

    @Option(
        help: ArgumentHelp(
            "Whose rules for which steps are taken: diffusers, or compvis, the original code's for ddim and plms.", valueName: "name"))
    var samplerCompat = "diffusers"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The seed of the noise; random if not given. Each further image has the next.", valueName: "number"))
    var seed: UInt64?

    @Option(
        name: .customLong("noise"),
        parsing: .unconditional,
        help: ArgumentHelp(
            "Whose random numbers: torch, as diffusers draws them on the CPU; cuda, as A1111's web UI does; numpy.", valueName: "name"))
    var randomness: GenerationRequest.Randomness = .torch

    @Option(help: ArgumentHelp("A second seed, towards whose noise the first is moved.", valueName: "number"))
    var variationSeed: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How far the noise is moved towards the second seed's: 0 to 1. (default: 0.1)", valueName: "share"))
    var variationStrength: Double?

    @Option(
        name: .customLong("ensd"),
        parsing: .unconditional,
        help: ArgumentHelp("Added to the seed for the noise that samplers add, as A1111's web UI does.", valueName: "number"))
    var samplerSeedOffset: UInt64 = 0

    @Option(parsing: .unconditional, help: ArgumentHelp("Make the image this many times as large in a second pass.", valueName: "factor"))
    var hires: Double?

    @Option(parsing: .unconditional, help: ArgumentHelp("How much of the enlarged image may change: 0 to 1.", valueName: "share"))
    var hiresStrength = 0.7

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps of the second pass from noise to image; --hires-strength says which part of them is taken. If not said: as in the first pass.",
            valueName: "count"))
    var hiresSteps: Int?

    @Option(help: ArgumentHelp("A model that takes over for the last steps, as SDXL's refiner.", valueName: "path"))
    var refiner: PathArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("The part of the steps after which the refiner takes over.", valueName: "share"))
    var refinerStart = 0.8

    func validate() throws {
        if variationStrength != nil, variationSeed == nil { throw ValidationError("--variation-strength needs --variation-seed.") }
    }

    func apply(to request: inout GenerationRequest, chance: UInt64) {
        (request.width, request.height, request.steps) = (width, height, steps)
        (request.sampler, request.schedule, request.spacing, request.eta) = (sampler, schedule, spacing, eta)
        request.samplerCompatibility = samplerCompat == "diffusers" ? nil : samplerCompat
        request.seed = seed ?? chance
        request.randomness = randomness
        request.variation = variationSeed.map { .init(seed: $0, strength: variationStrength ?? 0.1) }
        request.samplerSeedOffset = samplerSeedOffset
        request.enlargement = hires.map { .init(factor: $0, strength: hiresStrength, steps: hiresSteps) }
        request.refiner = refiner.map { .init(model: $0.path, start: refinerStart) }
    }
}
