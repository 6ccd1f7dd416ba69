internal import ArgumentParser
internal import IsomerBytes
internal import IsomerGeneration

/// Pictures that an image is made from.
struct GuidingPictureOptions: ParsableArguments {
    @Option(name: [.customShort("i"), .long], help: ArgumentHelp("The picture to begin with, or to edit.", valueName: "path"))
    var image: PathArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much of the picture may change: 0 to 1. If not said: 0.8, with --mask 1.", valueName: "share"))
    var strength: Double?

    @Option(help: ArgumentHelp("The mask: a picture, white where it may change.", valueName: "path"))
    var mask: PathArgument?

    @Option(parsing: .singleValue, help: ArgumentHelp("A ControlNet. May be repeated.", valueName: "path"))
    var control: [PathArgument] = []

    @Option(parsing: .singleValue, help: ArgumentHelp("The picture that a ControlNet looks at; one for each.", valueName: "path"))
    var controlImage: [PathArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("How much a ControlNet counts; one for all or one for each.", valueName: "scale"))
    var controlScale: [Double] = []

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("In which part of the steps a ControlNet counts, 0-0.6; one for all or one for each.", valueName: "from-to"))
    var controlInterval: [IntervalArgument] = []

    func validate() throws {
        guard control.count == controlImage.count else {
            throw ValidationError("Each --control needs one --control-image, and there are \(control.count) and \(controlImage.count).")
        }
        for (name, count) in [("--control-scale", controlScale.count), ("--control-interval", controlInterval.count)]
        where count > 1 && count != control.count {
            throw ValidationError("\(name) is given once for all, or once for each --control.")
        }
        if control.isEmpty, !controlScale.isEmpty || !controlInterval.isEmpty {
            throw ValidationError("--control-scale and --control-interval need --control.")
        }
    }

    func apply(to request: inout GenerationRequest) {
        request.picture = image?.path
        request.strength = strength
        request.mask = mask?.path
        request.controls = zip(control, controlImage).enumerated().map { index, paths in
            func one<Value>(_ values: [Value]) -> Value? {
                values.count == 1 ? values[0] : values.indices.contains(index) ? values[index] : nil
            }
            let interval = one(controlInterval)
            return GenerationRequest.Control(
                model: paths.0.path, picture: paths.1.path, scale: one(controlScale) ?? 1, start: interval?.start ?? 0,
                end: interval?.end ?? 1)
        }
    }
}
