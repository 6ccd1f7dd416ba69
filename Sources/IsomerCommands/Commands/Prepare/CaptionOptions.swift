internal import ArgumentParser
internal import IsomerImages

struct CaptionOptions: ParsableArguments {
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Where captions are looked for; the first place that has one counts. May be repeated. (default: txt, caption, json, metadata, meta)",
            discussion: """
                txt, caption and json are files beside the picture, metadata is metadata.jsonl and meta is kohya's meta.json, in its folder or one \
                around it; file-name is the picture's name, at what stands behind an @ there, folder the folder's name.
                """,
            valueName: "source"))
    var captionFrom: [CaptionSource] = []

    @Option(
        help: ArgumentHelp(
            "Where they are written: beside each picture (txt, caption, json), into one file for all (metadata, meta), or nowhere.",
            valueName: "format"))
    var captionFormat = CaptionFormat.txt

    @Option(help: ArgumentHelp("The caption of every picture.", valueName: "text"))
    var caption: String?

    @Option(help: ArgumentHelp("Put before every caption.", valueName: "text"))
    var prefix = ""

    @Option(help: ArgumentHelp("Put after every caption.", valueName: "text"))
    var suffix = ""

    @Option(parsing: .singleValue, help: ArgumentHelp("Replace a text in every caption. May be repeated.", valueName: "old=new"))
    var replace: [MetadataArgument] = []

    @Option(help: ArgumentHelp("The word for what is to be learnt, as in sks: added to captions that lack it.", valueName: "word"))
    var token: String?

    @Option(name: .customLong("class"), help: ArgumentHelp("What kind of thing it is, as in dog.", valueName: "word"))
    var classWord: String?

    @Flag(help: "Keep all lines of captions instead of the first.")
    var allLines = false

    @Flag(help: "Count each caption's tokens as CLIP does, and tell which do not fit into its window.")
    var countTokens = false

    func apply(to options: inout PreparationOptions, _ job: inout PreparationJob) {
        if !captionFrom.isEmpty { options.captions.sources = captionFrom }
        options.captions.fixed = caption
        options.captions.prefix = prefix
        options.captions.suffix = suffix
        options.captions.replacements = replace.map { .init($0.key, $0.value) }
        options.captions.token = token
        options.captions.classWord = classWord
        options.captions.firstLineOnly = !allLines
        job.captionFormat = captionFormat
    }
}
