public import IsomerBytes

/// How the files of a training set lie in their folder.
public enum TrainingLayout: Hashable, Sendable {
    /// As the originals lie.
    case plain
    /// `<repeats>_<token> <class>/`, as kohya's trainer reads them.
    case kohya(repeats: Int, name: String)
    /// `instance/` or `class/`.
    case dreamBooth(isClass: Bool)
    /// Pictures as they lay and `metadata.jsonl`, as Hugging Face's `imagefolder` reads them.
    case imageFolder
    /// Tar shards of at most this many pictures, as WebDataset reads them.
    case webDataset(samples: Int)

    /// Whether folders inside the input become part of the names.
    var isFlat: Bool {
        switch self {
        case .plain, .imageFolder: false
        case .kohya, .dreamBooth, .webDataset: true
        }
    }

    var folder: String {
        switch self {
        case .plain, .imageFolder, .webDataset: ""
        case .kohya(let repeats, let name): "\(repeats)_\(name)/"
        case .dreamBooth(let isClass): isClass ? "class/" : "instance/"
        }
    }
}

/// Where captions are written.
public enum CaptionFormat: String, Hashable, Sendable, CaseIterable {
    /// Beside each picture.
    case txt, caption, json
    /// One `metadata.jsonl` for all.
    case metadata
    /// One `meta.json` for all, as kohya's fine tuning reads it.
    case meta
    case none
}

/// A whole batch: which pictures, what becomes of them, and where it goes.
public struct PreparationJob: Sendable {
    public var inputs: [FilePath]
    public var output: FilePath
    public var options = PreparationOptions()
    public var layout = TrainingLayout.plain
    public var captionFormat = CaptionFormat.txt
    /// Where captions go in this layout: Hugging Face's has a place of its own for them.
    var placedCaptionFormat: CaptionFormat { layout == .imageFolder ? .metadata : captionFormat }
    public var overrides: [String: PictureOverride] = [:]
    /// Only the pictures whose content's hash falls to this part, counted from 1.
    public var shard: (index: Int, count: Int)?
    /// Leaves out pictures that look like an earlier one.
    public var removesDuplicates = false
    /// Receives a copy of each picture that could not be used.
    public var quarantine: FilePath?
    public var stopsOnError = false
    /// Does everything but write.
    public var isDryRun = false
    public var workers = Workers()

    public init(inputs: [FilePath], output: FilePath) {
        self.inputs = inputs
        self.output = output
    }
}
