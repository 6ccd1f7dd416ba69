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

    /// A caption that cannot be counted is told at the end and does not stop the others.
    func run(_ arguments: [FilePath], _ environment: CommandEnvironment) throws(IsomerError) -> ExitStatus {
        let (paths, unread) = try collect(arguments)
        guard !paths.isEmpty || !unread.isEmpty else {
            throw IsomerError(
                .cannotRead, "there are no captions here", path: arguments.first, expected: "files that end in .txt or .caption")
        }
        let marks = try file.tokenizer.encode("").ids.count
        let results = Mutex([Result<Int, IsomerError>?](repeating: nil, count: paths.count))
        let done = Atomic<Int>(0)
        let bar = ProgressBar(environment, options)
        let batch = BatchEncoder(file.tokenizer, workers: Workers(count: options.threads))
        do {
            defer { bar.clear() }
            try batch.run(paths.count) { item, encoder throws(IsomerError) in
                let result: Result<Int, IsomerError>
                do throws(IsomerError) {
                    result = .success(try Self.count(paths[item], encoder) + marks)
                } catch {
                    guard error.code != .interrupted else { throw error }
                    result = .failure(error)
                }
                results.withLock { $0[item] = result }
                let sofar = done.add(1, ordering: .relaxed).newValue
                bar.update("Counting", done: UInt64(sofar), total: UInt64(paths.count), unit: .items("captions"))
            }
        }
        var (counted, failures): ([(path: FilePath, count: Int)], [IsomerError]) = ([], unread)
        for (path, result) in zip(paths, results.withLock { $0 }) {
            switch result {
            case .success(let count)?: counted.append((path, count))
            case .failure(let error)?: failures.append(error)
            case nil: break
            }
        }
        for error in failures { environment.report(error, asJSON: options.json) }
        write(counted, failures, environment)
        return failures.isEmpty ? .done : .failed
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

    private func collect(_ arguments: [FilePath]) throws(IsomerError) -> (paths: [FilePath], failures: [IsomerError]) {
        var (paths, failures): ([FilePath], [IsomerError]) = ([], [])
        for argument in arguments {
            // What is wrong with a file is told when it is read.
            guard (try? FileSystem.kind(of: argument)) == .folder else {
                paths.append(argument)
                continue
            }
            try FileSystem.forEachFile(below: [argument]) { path, error throws(IsomerError) in
                // What is called otherwise is no caption, wherever it leads; a closed folder may hold some.
                if Self.isCaption(path) || (try? FileSystem.kind(of: path)) == .folder { failures.append(error) }
            } _: { path in
                if Self.isCaption(path) { paths.append(path) }
            }
        }
        return (paths, failures)
    }

    private static func isCaption(_ path: FilePath) -> Bool {
        path.extension.map { ["txt", "caption"].contains($0.lowercased()) } ?? false
    }

    private func write(
        _ counted: [(path: FilePath, count: Int)], _ failures: [IsomerError], _ environment: CommandEnvironment
    ) {
        let sorted = counted.map(\.count).sorted()
        let (shortest, longest) = (sorted.first ?? 0, sorted.last ?? 0)
        let median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
        let tooLong = counted.compactMap { path, count in
            window.flatMap { count > $0 ? (path: path, count: count, over: count - $0) : nil }
        }
        if options.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.tokenize-count/1", "window": window.map { .integer($0) } ?? .null, "files": .integer(counted.count),
                    "tokens": .integer(sorted.reduce(0, +)), "shortest": .integer(shortest), "median": .integer(median),
                    "longest": .integer(longest),
                    "tooLong": .array(
                        tooLong.map { ["path": .path($0.path), "count": .integer($0.count), "over": .integer($0.over)] }),
                    "failed": .array(
                        failures.map { error in
                            ["path": error.location.path.map(JSONValue.path) ?? .null, "problem": .string(error.description)]
                        }),
                ]))
            return
        }
        for (path, count, over) in tooLong {
            environment.writeOutput("\(escapedForDisplay(path.string)): \(count) tokens, \(over) too many\n")
        }
        guard !options.quiet else { return }
        var report = Report(for: environment.outputTerminal)
        report.field("captions", Numbers.grouped(counted.count))
        if !failures.isEmpty { report.field("not read", Numbers.grouped(failures.count)) }
        if !counted.isEmpty {
            report.field(
                "too long",
                window.map { "\(Numbers.grouped(tooLong.count)), for a window of \($0)" } ?? "unknown: the model's window is not known")
            report.field(
                "tokens", "\(Numbers.grouped(sorted.reduce(0, +))); shortest \(shortest), median \(median), longest \(longest)")
        }
        environment.writeOutput(report.finish())
    }
}
