internal import ArgumentParser
internal import IsomerBytes
internal import IsomerImages

struct SubjectOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the crop keeps: auto (faces, else what draws the eye), face, salient (what draws the eye), center, or a point as shares of "
                + "width and height: 0.5,0.3.", valueName: "focus"))
    var focus = "auto"

    @Flag(help: "Make one picture of each face instead of one of all.")
    var eachFace = false

    @Option(help: ArgumentHelp("With --each-face: how much stays around the face, as a share of it.", valueName: "share"))
    var faceMargin = 0.6

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Look first for what this OpenCV cascade finds (LBP or Haar, XML). May be repeated.", valueName: "file"))
    var cascade: [PathArgument] = []

    @Option(help: ArgumentHelp("A JSON file of decisions for single pictures, as the review sheet saves it.", valueName: "file"))
    var overrides: PathArgument?

    func apply(to options: inout PreparationOptions, _ job: inout PreparationJob) throws {
        switch focus {
        case "auto": options.focus = .automatic
        case "face": options.focus = .face
        case "salient": options.focus = .salient
        case "center", "centre": options.focus = .centre
        default:
            let numbers = focus.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
            guard numbers.count == 2, let x = numbers[0], let y = numbers[1], (0...1).contains(x), (0...1).contains(y) else {
                throw ValidationError("--focus takes auto, face, salient, center, or two shares such as 0.5,0.3.")
            }
            options.focus = .point(x: x, y: y)
        }
        guard faceMargin >= 0, faceMargin <= 100 else { throw ValidationError("--face-margin is a share, 0 or more.") }
        if eachFace { options.eachFaceMargin = faceMargin }
        options.finder.cascades = try cascade.map { try Cascade($0.path) }
        if let overrides {
            do throws(IsomerError) {
                job.overrides = try PictureOverride.read(ReadableFile(overrides.path).contents(limit: 256 << 20))
            } catch {
                throw error.inFile(overrides.path)
            }
        }
    }
}
