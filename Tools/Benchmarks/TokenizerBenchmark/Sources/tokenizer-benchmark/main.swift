import IsomerKit
import Synchronization

// tokenizer-benchmark load ROUNDS
// tokenizer-benchmark encode clip|FILE CAPTIONS THREADS
// tokenizer-benchmark ids clip|clip2|t5|FLAVOR|FILE TEXTS
//
// load and encode print one line of numbers: seconds (the first and the least of ROUNDS for load), then for encode the number of ids and a sum
// over them that the peer's ids must have too. ids prints each line's ids, and stops where the short way and the long way differ. A FLAVOR is
// one of the other implementations of CLIP's tokenizer: open_clip, transformers-slow, transformers-slow-without-ftfy.

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    return try clock.measure(body) / .seconds(1)
}

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "load":
    let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1
    var first = 0.0
    var best = Double.infinity
    for round in 0..<rounds {
        let time = try seconds { _ = try CLIPVocabulary() }
        if round == 0 { first = time }
        best = min(best, time)
    }
    print(first, best)
case "encode" where arguments.count == 5:
    let tokenizer = arguments[2] == "clip" ? try Tokenizer.clip() : try TokenizerFile(FilePath(arguments[2])).tokenizer
    let bytes = try ReadableFile(FilePath(arguments[3])).contents(limit: 4 << 30)
    let threads = Int(arguments[4]) ?? 1
    var lines: [Range<Int>] = []
    var start = 0
    for (position, byte) in bytes.enumerated() where byte == 0x0A {
        lines.append(start..<position)
        start = position + 1
    }
    let captions = lines
    // Stretches of captions, so that handing them out costs nothing.
    let chunk = 4096
    let chunks = (captions.count + chunk - 1) / chunk
    let totals = Mutex((count: 0, sum: UInt64(0)))
    let time = try seconds {
        try BatchEncoder(tokenizer, workers: Workers(count: threads)).run(chunks) { item, encoder throws(IsomerError) in
            var ids: [TokenID] = []
            var (count, sum) = (0, UInt64(0))
            let text = bytes.span
            for line in captions[item * chunk..<min((item + 1) * chunk, captions.count)] {
                ids.removeAll(keepingCapacity: true)
                try encoder.encode(text.extracting(line), into: &ids)
                count += ids.count
                for id in ids { sum &+= UInt64(id) }
            }
            totals.withLock { totals in
                totals.count += count
                totals.sum &+= sum
            }
        }
    }
    let (count, sum) = totals.withLock { $0 }
    print(time, count, sum)
case "ids" where arguments.count == 4:
    let text = try ReadableFile(FilePath(arguments[3])).contents(limit: 4 << 30)
    let prompts = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    func output(_ ids: [TokenID]) { print(ids.map(String.init).joined(separator: " ")) }
    if let flavor = CLIPFlavor(rawValue: arguments[2]) {
        let tokenizer = try SimpleCLIPTokenizer(flavor)
        for prompt in prompts { output(tokenizer.encode(prompt)) }
    } else {
        let tokenizer =
            switch arguments[2] {
            case "clip": try Tokenizer.clip()
            case "clip2": try Tokenizer.clip(padding: .exclamation)
            case "t5": try Tokenizer.t5()
            default: try TokenizerFile(FilePath(arguments[2])).tokenizer
            }
        let encoder = IDEncoder(tokenizer)
        for prompt in prompts {
            let ids = try encoder.ids(of: prompt, addsSpecials: true)
            guard try tokenizer.encode(prompt).ids == ids else { fatalError("the two ways differ: \(prompt.debugDescription)") }
            output(ids)
        }
    }
default:
    print("usage: tokenizer-benchmark load ROUNDS | encode clip|FILE CAPTIONS THREADS | ids clip|clip2|t5|FLAVOR|FILE TEXTS")
}
