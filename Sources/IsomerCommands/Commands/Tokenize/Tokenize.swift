public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTokenizers

/// `isomer tokenize`.
public struct Tokenize: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Show a prompt as the text encoder sees it, or find captions that are too long.",
        usage: "isomer tokenize [<options>] [<text> ...]",
        discussion: """
            --model takes a folder or file with a tokenizer (tokenizer.json, vocab.json with merges.txt, a SentencePiece .model, vocab.txt, \
            .tiktoken), a Diffusers model, or one of three that are built in: clip, which pads as Stable Diffusion 1 does, clip2, which \
            pads with ! as Stable Diffusion 2 and the second encoder of SDXL do, and t5, of Stable Diffusion 3 and Flux.

            With --count the arguments are files of one caption each, or folders, whose .txt and .caption files are taken. One that cannot be \
            read as text is named, and the others are counted; the exit status is 2 then.
            """)

    @Argument(help: ArgumentHelp("Prompts; with --count files and folders.", valueName: "text"))
    var texts: [String] = []

    @Option(name: .long, help: ArgumentHelp("The tokenizer: a folder, a file, clip, clip2 or t5.", valueName: "model"))
    var model = "clip"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Whose ids: with clip and clip2, one of several implementations of the tokenizer.",
            discussion: """
                They agree on plain English. transformers is the fast tokenizer, which diffusers runs; transformers-slow, up to 4.57, repairs \
                damaged text with ftfy first; without ftfy it composes characters and drops unassigned ones; open_clip, as openai/CLIP, \
                repairs, replaces HTML's references and pads with 0. All but the first lose where characters came from.
                """, valueName: "name"))
    var flavor = CLIPFlavor.transformers

    @Flag(name: .long, help: "Read prompts from standard input, one a line.")
    var stdin = false

    @Flag(name: .long, help: "Count the tokens of caption files and name those that are too long.")
    var count = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Tokens that the text encoder reads, start and end marks included. If not said: the tokenizer's, as CLIP's 77.",
            valueName: "count"))
    var window: Int?

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func validate() throws {
        if let window, !(1...(1 << 24)).contains(window) { throw ValidationError("--window takes a number from 1 to 16777216.") }
        if flavor != .transformers, !["clip", "clip2"].contains(model) {
            throw ValidationError("--flavor goes with --model clip or clip2.")
        }
        if count, flavor != .transformers { throw ValidationError("--count counts as transformers does; leave --flavor away.") }
        if count, stdin { throw ValidationError("--count takes files, not standard input.") }
        if texts.isEmpty, !stdin { throw ValidationError(count ? "Name the files to count." : "Give a prompt, or --stdin.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let file = try load()
        if count {
            let counting = CaptionCounting(file, window: window ?? file.window, options: shared)
            return try counting.run(texts.map { FilePath($0) }, environment)
        }
        let prompts = texts + (stdin ? try StandardInput.lines() : [])
        var results: [JSONValue] = []
        let simple = flavor == .transformers ? nil : try SimpleCLIPTokenizer(flavor, padding: model == "clip" ? .endOfText : .exclamation)
        for prompt in prompts {
            let analysis =
                if let simple { PromptAnalysis(prompt, simple, window: window ?? file.window) } else {
                    try PromptAnalysis(prompt, file.tokenizer, window: window ?? file.window)
                }
            if shared.json {
                results.append(analysis.json)
            } else {
                environment.writeOutput(analysis.text(for: environment.outputTerminal))
            }
        }
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.tokenize/1", "model": .string(model), "flavor": simple.map { .string($0.flavor.rawValue) } ?? .null,
                    "origin": .string(file.origin),
                    "window": (window ?? file.window).map { .integer($0) } ?? .null, "prompts": .array(results),
                ]))
        }
        return .done
    }

    private func load() throws(IsomerError) -> TokenizerFile {
        switch model {
        case "clip": return try .clip(.endOfText)
        case "clip2": return try .clip(.exclamation)
        case "t5": return try .t5()
        default: return try TokenizerFile.open(FilePath(model), limits: shared.limits)
        }
    }
}

/// Lines of standard input.
enum StandardInput {
    private static let mostBytes = 1 << 30

    /// All lines without their ends. Throws `malformed` with the byte where they are not UTF-8.
    static func lines() throws(IsomerError) -> [String] {
        var bytes: [UInt8] = []
        let size = 1 << 16
        while true {
            var failure: IsomerError?
            let piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                do {
                    filled = try FileDescriptor.standardInput.read(into: UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failure = IsomerError.reading("standard input", error)
                }
            }
            if let failure { throw failure }
            if piece.isEmpty { break }
            bytes += piece
            guard bytes.count <= mostBytes else {
                throw IsomerError(.limitExceeded, "standard input is too long", expected: "at most \(mostBytes) bytes")
            }
        }
        do throws(IsomerError) {
            var lines = try PlainText.decode(bytes).utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            // What ends with a line's end has no empty line behind it.
            if lines.last?.isEmpty == true { lines.removeLast() }
            return lines.map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
        } catch {
            throw error.inFile("standard input")
        }
    }
}

extension CLIPFlavor: ExpressibleByArgument {}
