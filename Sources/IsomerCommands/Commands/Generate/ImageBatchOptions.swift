internal import ArgumentParser
internal import IsomerBytes

/// How many images.
struct ImageBatchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How many images to make, each from the next seed.", valueName: "count"))
    var count = 1

    @Option(help: ArgumentHelp("How many images to make at the same time.", valueName: "count"))
    var batchSize = 1

    @Option(
        help: ArgumentHelp(
            "Make images of a class, for prior preservation: seeds count from 0 if --seed is not said, and a stopped run goes on with "
                + "--skip-existing.", valueName: "text"))
    var classPrompt: String?

    @Option(
        help: ArgumentHelp(
            "Make images of every line of this file: prompts, or a table (.csv) or objects (.jsonl) of prompt, seed, steps and so on.",
            valueName: "path"))
    var prompts: PathArgument?

    @Option(
        help: ArgumentHelp(
            "Make a grid of images: columns for the values of a parameter, as in steps=10,20,30 or prompt-sr=cat,dog.",
            valueName: "parameter=values"))
    var gridX: String?

    @Option(help: ArgumentHelp("Rows of the grid: the values of another parameter.", valueName: "parameter=values"))
    var gridY: String?

    @Option(help: ArgumentHelp("Write a picture of the latents every so many steps, beside the image.", valueName: "steps"))
    var previewEvery: Int?

    @Option(help: ArgumentHelp("Decode previews with this tiny autoencoder (TAESD).", valueName: "path"))
    var previewModel: PathArgument?

    @Flag(help: "Leave out images that are there already.")
    var skipExisting = false

    @Flag(help: "Replace what is there.")
    var overwrite = false

    func validate() throws {
        if let previewEvery, previewEvery < 1 { throw ValidationError("--preview-every takes a number from 1 on.") }
        guard (1...1_000_000).contains(count) else { throw ValidationError("--count takes a number from 1 to 1000000.") }
        if gridY != nil, gridX == nil { throw ValidationError("--grid-y needs --grid-x.") }
        if gridX != nil, prompts != nil { throw ValidationError("--grid-x and --prompts exclude each other.") }
        if gridX != nil, count != 1 { throw ValidationError("A grid has one image in each cell: leave --count away.") }
        guard (1...64).contains(batchSize) else { throw ValidationError("--batch-size takes a number from 1 to 64.") }
    }
}
