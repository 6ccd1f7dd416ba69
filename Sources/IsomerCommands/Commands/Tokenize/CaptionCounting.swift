internal import IsomerBytes
internal import IsomerTokenizers
internal import Synchronization

/// Counts the tokens of caption files.
struct CaptionCounting {
    private let file: TokenizerFile
    private let window: Int?
    private let options: SharedOptions

    /// A caption is a few lines; what is longer is something else.
    private static let longestCaption: UInt64 = 16 << 20

    init(_ file: TokenizerFile, window: Int?, options: SharedOptions) {
        self.file = file
        self.window = window
        self.options = options
    }

    func run(_ arguments: [FilePath], _ environment: CommandEnvironment) throws(IsomerError) -> ExitStatus {
        let paths = try collect(arguments)
        guard !paths.isEmpty else {
            throw IsomerError(
                .cannotRead, "there are no captions here", path: arguments.first, expected: "files that end in .txt or .caption")
        }
        let marks = try file.tokenizer.encode("").ids.count
        let counts = Mutex([Int](repeating: 0, count: paths.count))
        let done = Atomic<Int>(0)
        let bar = ProgressBar(environment, options)
        let batch = BatchEncoder(file.tokenizer, workers: Workers(count: options.threads))
        do {
            defer { bar.clear() }
            try batch.run(paths.count) { item, encoder throws(IsomerError) in
                let count = try Self.count(paths[item], encoder) + marks
                counts.withLock { $0[item] = count }
                let sofar = done.add(1, ordering: .relaxed).newValue
                bar.update("Counting", done: UInt64(sofar), total: UInt64(paths.count), unit: .items("captions"))
            }
        }
        write(paths, counts.withLock { $0 }, environment)
        return .done
    }

    private static func count(_ path: FilePath, _ encoder: IDEncoder) throws(IsomerError) -> Int {
        var bytes: [UInt8]
        do throws(IsomerError) {
            bytes = Array(try PlainText.decode(ReadableFile(path).contents(limit: longestCaption)).utf8)
        } catch {
            throw error.inFile(path)
        }
        // The line end that editors put there is no part of the caption.
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        var ids: [TokenID] = []
        try encoder.encode(bytes.span, into: &ids)
        return ids.count
    }

    private func collect(_ arguments: [FilePath]) throws(IsomerError) -> [FilePath] {
        var paths: [FilePath] = []
        for argument in arguments {
            guard try FileSystem.kind(of: argument) == .folder else {
                paths.append(argument)
                continue
            }
            try FileSystem.forEachFile(below: [argument]) { path, error throws(IsomerError) in
                // What is called otherwise is no caption, wherever it leads; a closed folder may hold some.
                if Self.isCaption(path) || (try? FileSystem.kind(of: path)) == .folder { throw error }
            } _: { path in
                if Self.isCaption(path) { paths.append(path) }
            }
        }
        return paths
    }

    private static func isCaption(_ path: FilePath) -> Bool {
        path.extension.map { ["txt", "caption"].contains($0.lowercased()) } ?? false
    }

    private func write(_ paths: [FilePath], _ counts: [Int], _ environment: CommandEnvironment) {
        let sorted = counts.sorted()
        let tooLong = window.map { window in counts.indices.filter { counts[$0] > window } } ?? []
        if options.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.tokenize-count/1", "window": window.map { .integer($0) } ?? .null, "files": .integer(paths.count),
                    "tokens": .integer(counts.reduce(0, +)), "shortest": .integer(sorted.first ?? 0),
                    "median": .integer(sorted[sorted.count / 2]), "longest": .integer(sorted.last ?? 0),
                    "tooLong": .array(
                        tooLong.map {
                            ["path": .path(paths[$0]), "count": .integer(counts[$0]), "over": .integer(counts[$0] - (window ?? 0))]
                        }),
                ]))
            return
        }
        for index in tooLong {
            environment.writeOutput(
                "\(escapedForDisplay(paths[index].string)): \(counts[index]) tokens, \(counts[index] - (window ?? 0)) too many\n")
        }
        guard !options.quiet else { return }
        var report = Report(for: environment.outputTerminal)
        report.field("captions", Numbers.grouped(paths.count))
        report.field(
            "too long",
            window.map { "\(Numbers.grouped(tooLong.count)), for a window of \($0)" } ?? "unknown: the model's window is not known")
        report.field(
            "tokens",
            "\(Numbers.grouped(counts.reduce(0, +))); shortest \(sorted.first ?? 0), median \(sorted[sorted.count / 2]), longest \(sorted.last ?? 0)"
        )
        environment.writeOutput(report.finish())
    }
}
