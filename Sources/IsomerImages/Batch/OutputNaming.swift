/// What the files of a training set are called.
struct OutputNaming: Sendable {
    let layout: TrainingLayout
    let captionFormat: CaptionFormat
    let shapes: [TargetShape]

    /// The path of a picture without its ending, inside the output's folder. Several sizes have a folder each, and in it all that the layout
    /// asks for: kohya's trainer looks into `10_sks dog`, and not into folders in that.
    func stem(_ name: String, _ picture: PreparedPicture) -> String {
        let folder = shapes.count > 1 && shapes.indices.contains(picture.shape) ? Self.label(shapes[picture.shape]) + "/" : ""
        return folder + layout.folder + name + picture.suffix
    }

    /// The picture's and its mask's.
    func files(_ name: String, _ picture: PreparedPicture) -> (file: String, mask: String?) {
        let stem = stem(name, picture)
        return ("\(stem).\(picture.fileExtension)", picture.mask.map { _ in "\(stem)-masklabel.png" })
    }

    /// All files that a record stands for, where each is one.
    func files(of record: PictureRecord) -> [String] {
        guard record.archive == nil else { return [] }
        var files: [String] = []
        for output in record.outputs {
            files.append(output.file)
            if let mask = output.mask { files.append(mask) }
            if record.caption != nil, CaptionSinks.isBeside(captionFormat) { files.append(CaptionSinks.side(output.file, captionFormat)) }
        }
        return files
    }

    /// A picture's name in an archive, without its ending. WebDataset's keys end at the first dot.
    private static func key(_ file: String) -> String {
        String(PictureInputs.split(file).stem.map { $0 == "/" || $0 == "." ? "_" : $0 })
    }

    /// The names of an output's members in an archive.
    static func members(_ file: String, hasMask: Bool, hasCaption: Bool) -> (picture: String, mask: String?, caption: String?) {
        let key = key(file)
        return ("\(key).\(PictureInputs.split(file).ending)", hasMask ? "\(key).mask.png" : nil, hasCaption ? "\(key).txt" : nil)
    }

    /// The folder of one of several sizes.
    private static func label(_ shape: TargetShape) -> String {
        switch shape {
        case .fixed(let size): "\(size)"
        case .shortSide(let side, _): "\(side)"
        case .buckets(.kohya(let resolution, _, _, _)), .buckets(.kohyaNoUpscale(let resolution, _)): "\(resolution)"
        case .buckets(.oneTrainer(let resolution, _)), .buckets(.aiToolkit(let resolution, _)): "\(resolution)"
        case .buckets(.autoSized(let sides, _, _, _)): "\(sides.lowerBound)-\(sides.upperBound)"
        }
    }
}
