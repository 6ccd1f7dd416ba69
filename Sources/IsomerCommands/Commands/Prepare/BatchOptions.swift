internal import ArgumentParser
internal import IsomerBytes
internal import IsomerImages

struct BatchOptions: ParsableArguments {
    enum LayoutArgument: String, CaseIterable, ExpressibleByArgument {
        case plain, kohya, dreambooth, imagefolder, webdataset
        case dreamboothClass = "dreambooth-class"
    }

    enum ErrorArgument: String, CaseIterable, ExpressibleByArgument {
        case `continue`, stop
    }

    @Option(
        help: ArgumentHelp(
            "How files lie in the output.",
            discussion: """
                plain: as the originals lie. kohya: in a folder such as "10_sks dog", from --repeats, --token and --class. dreambooth and \
                dreambooth-class: in instance/ and class/. imagefolder: as they lie, with metadata.jsonl, for Hugging Face. webdataset: in tar \
                archives.
                """))
    var layout = LayoutArgument.plain

    @Option(help: ArgumentHelp("With --layout kohya: how often that trainer shows each picture.", valueName: "count"))
    var repeats = 10

    @Option(help: ArgumentHelp("With --layout webdataset: pictures in each archive.", valueName: "count"))
    var samples = 1000

    @Option(
        help: ArgumentHelp(
            "Do only one part of the batch, as in 2/8, and leave the others to other machines: the content of each picture decides which.",
            valueName: "i/n"))
    var shard: String?

    @Flag(help: "Leave out pictures that look like an earlier one.")
    var dedupe = false

    @Option(help: ArgumentHelp("Copy pictures that cannot be used into this folder.", valueName: "folder"))
    var quarantine: PathArgument?

    @Option(help: ArgumentHelp("What a picture that cannot be used means: continue or stop.", valueName: "what"))
    var onError = ErrorArgument.continue

    @Flag(help: "Say what would happen to each picture, and write nothing.")
    var dryRun = false

    @Option(help: ArgumentHelp("Write a page to review the crops in a browser; it saves decisions for --overrides.", valueName: "file"))
    var html: PathArgument?

    @Option(help: ArgumentHelp("Write a PNG of all originals with their crops (of the first 7,000).", valueName: "file"))
    var preview: PathArgument?

    func apply(to job: inout PreparationJob, _ caption: CaptionOptions) throws {
        guard (1...1_000_000).contains(repeats), samples >= 1 else { throw ValidationError("--repeats and --samples are at least 1.") }
        switch layout {
        case .plain: job.layout = .plain
        case .kohya:
            let name = [caption.token, caption.classWord].compactMap { $0 }.joined(separator: " ")
            guard !name.isEmpty else { throw ValidationError("--layout kohya needs --token or --class for the folder's name.") }
            job.layout = .kohya(repeats: repeats, name: try FileSystem.safeComponent(name).string)
        case .dreambooth: job.layout = .dreamBooth(isClass: false)
        case .dreamboothClass: job.layout = .dreamBooth(isClass: true)
        case .imagefolder: job.layout = .imageFolder
        case .webdataset: job.layout = .webDataset(samples: samples)
        }
        if let shard {
            let parts = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let index = parts[0], let count = parts[1], count >= 1, (1...count).contains(index) else {
                throw ValidationError("--shard takes a part and their count: 2/8.")
            }
            job.shard = (index, count)
        }
        job.removesDuplicates = dedupe
        job.quarantine = quarantine?.path
        job.stopsOnError = onError == .stop
        job.isDryRun = dryRun
    }
}
