public import ArgumentParser
internal import IsomerBytes
internal import IsomerCompute
internal import IsomerConversion
internal import IsomerGeneration
internal import IsomerImages
internal import IsomerTensors

/// `isomer generate`.
public struct Generate: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make images with a model.",
        discussion: """
            The model may be a Diffusers folder, a checkpoint, a GGUF file, or components by flags: Stable Diffusion 1, 2 and XL with its \
            refiner, Stable Diffusion 3 and Flux.1. What it is given decides what is done: --image makes image to image, --image and --mask \
            fill in a part, and models that were made for inpainting or instructions want theirs.

            Equal flags and an equal --seed give the same image: by default the one that diffusers gives on the CPU.

            Everything is checked before any work. An interrupted run keeps the images that are finished.
            """)

    @Argument(help: ArgumentHelp("A Diffusers folder, a checkpoint, or the index of a sharded set.", valueName: "model"))
    var model: PathArgument?

    @Option(
        help: ArgumentHelp(
            "Repeat what this PNG image says it was made by. The model may be given if it has moved; flags of prompt, sampling, pictures and "
                + "model are left aside.", valueName: "image"))
    var from: PathArgument?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("A name that ends in .png or .jpg, or a folder.", valueName: "path"))
    var output: PathArgument

    @OptionGroup(title: "Prompt")
    var prompt: PromptOptions

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @OptionGroup(title: "Pictures")
    var pictures: GuidingPictureOptions

    @OptionGroup(title: "Batch")
    var batch: ImageBatchOptions

    @OptionGroup(title: "Machine")
    var machine: MachineOptions

    @OptionGroup(title: "Model")
    var reading: ModelReading

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func validate() throws {
        if model == nil, from == nil { throw ValidationError("Missing expected argument '<model>'") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let first = try record()
        let usual = GenerationRequest()
        if from != nil, request(chance: usual.seed) != usual || !reading.flagsOfModels.isEmpty {
            environment.warn(
                "the image tells how it was made, so flags of prompt, sampling, pictures and model change nothing", shared)
        }
        let (records, grid) = try records(first)
        let destination = try ImageDestination(output, count: records.count * batch.count, overwrite: batch.overwrite)
        func open(_ index: Int) throws(IsomerError) -> GenerationRun {
            try GenerationRun(
                records[index], firstNumber: index * batch.count, automaticTile: machine.vaeTiling == .auto && from == nil, machine, batch,
                destination, environment, shared)
        }
        // All are checked before the first is made; one is held at a time.
        for index in records.indices.dropFirst() { _ = try open(index) }
        var made = GenerationTally()
        for index in records.indices {
            let run = try open(index)
            if index == 0 {
                try destination.prepare(
                    records.enumerated().flatMap { index, record in
                        (0..<batch.count).map {
                            destination.path(of: index * batch.count + $0, seed: record.record(ofImage: $0).request.seed)
                        }
                    }, skipsExisting: batch.skipExisting)
            }
            try run.perform(&made)
        }
        if let grid { made.grid = try destination.write(grid: made.joined(columns: grid.columns.values.count)) }
        made.tell(in: environment, shared)
        return .done
    }

    /// The images that lines of a file or cells of a grid ask for, over what the flags say.
    private func records(_ first: GenerationRecord) throws(IsomerError) -> ([GenerationRecord], ParameterGrid?) {
        var requests = [first.request]
        var grid: ParameterGrid?
        if let prompts = batch.prompts {
            requests = try PromptFile.requests(in: prompts.path, over: first.request, limits: shared.limits)
        } else if let columns = batch.gridX {
            let rows = try batch.gridY.map { text throws(IsomerError) in try ParameterGrid.Axis(parsing: text) }
            let made = try ParameterGrid(ParameterGrid.Axis(parsing: columns), rows, over: first.request)
            requests = made.cells.map(\.request)
            grid = made
        } else {
            try first.request.check()
        }
        return (
            requests.map { request in
                var record = first
                record.request = request
                return record
            }, grid
        )
    }

    /// What the flags ask for; without a seed it is `chance`.
    private func request(chance: UInt64) -> GenerationRequest {
        var request = GenerationRequest()
        prompt.apply(to: &request)
        sampling.apply(to: &request, chance: chance)
        pictures.apply(to: &request)
        return request
    }

    /// What is to be made, by the flags or by an image.
    private func record() throws(IsomerError) -> GenerationRecord {
        if let from {
            var record = try GenerationRecord(ofPicture: from.path, limits: shared.limits)
            if let model { record.reading.source = model.path }
            return record
        }
        var request = request(chance: batch.classPrompt == nil ? UInt64(UInt32.random(in: .min ... .max)) : 0)
        if let classPrompt = batch.classPrompt { request.prompt = classPrompt }
        var reading = reading.request(for: model?.path ?? "")
        reading.limits = shared.limits
        return GenerationRecord(
            request, reading, machine.precision, tile: machine.vaeTiling == .on ? GenerationRun.tile : nil)
    }
}
