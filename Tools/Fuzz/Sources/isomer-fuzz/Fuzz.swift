// One program for every reader: the environment's ISOMER_FUZZ says which one gets libFuzzer's bytes.
//
// What is tested: nothing that came out of a file traps, hangs, reads or writes outside its memory, or takes memory that its size does not
// justify. What was accepted is used (tensors are read, tokenizers encode, pictures are decoded), and where there is a writer, what was read
// and written again reads the same.

import Glibc
import IsomerKit

/// Bounds that keep one input from taking a second: the defaults are made for whole models.
let limits: Limits = {
    var limits = Limits()
    limits.pickleOperations = 200_000
    limits.pickleValues = 200_000
    limits.pickleBytes = 8 << 20
    limits.pixels = 1 << 20
    limits.pictureBytes = 16 << 20
    limits.archiveRatioFloor = 1 << 20
    limits.jsonValues = 200_000
    limits.tensors = 20_000
    return limits
}()

/// The bytes as a file that has a path, in memory.
final class MemoryFile {
    let path = FilePath("/dev/shm/isomer-fuzz-\(getpid())")

    init(_ bytes: [UInt8]) {
        let descriptor = open(path.string, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    deinit { unlink(path.string) }
}

func readAll(_ source: any TensorSource) throws {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    for (index, tensor) in source.tensors.prefix(64).enumerated() {
        let count = min(buffer.count, tensor.byteCount)
        try buffer.withUnsafeMutableBytes { try source.read(index, at: 0, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
        try buffer.withUnsafeMutableBytes {
            try source.read(index, at: tensor.byteCount - count, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
        }
        _ = source.storedRange(of: index)
    }
    for (key, value) in source.metadata { _ = (key, value) }
}

/// A rule that does not hold is a crash.
func expect(_ condition: Bool, _ rule: StaticString) {
    if !condition { fatalError("\(rule)") }
}

let targets: [String: @Sendable ([UInt8]) throws -> Void] = [
    "safetensors": { bytes in 
        let file = MemoryFile(bytes)
        try readAll(SafetensorsReader(file.path, limits: limits))
    },
    // zip, legacy, tar and bare pickles, GGUF, indexes: whatever the bytes are.
    "weights": { bytes in
        let file = MemoryFile(bytes)
        try readAll(openWeights(file.path, limits: limits))
    },
    "gguf": { bytes in
        let file = MemoryFile(bytes)
        try readAll(GGUFReader(file.path, limits: limits))
    },
    "pickle": { bytes in _ = try PickleMachine.load(bytes, limits: limits) },
    "scan": { bytes in
        let file = MemoryFile(bytes)
        let scan = try Scanner(limits: limits, workers: Workers(count: 1)).scan(file: file.path)
        // Whatever loads without a doubt is not dangerous, and the other way round.
        if scan.verdict == .dangerous {
            expect((try? openWeights(file.path, limits: limits)) == nil || !scan.remarks.isEmpty || scan.streams.count > 1, "a dangerous file was opened")
        }
    },
    "json": { bytes in
        for dialect in [JSONDialect.strict, .python] {
            guard let value = try? JSONValue(parsing: bytes, dialect: dialect, limits: limits) else { continue }
            let written = JSONWriter().bytes(value)
            expect((try? JSONValue(parsing: written, dialect: dialect, limits: limits)) == value, "what was written does not read the same")
        }
    },
    "tokenizer": { bytes in
        let tokenizer = try Tokenizer(json: bytes, limits: limits)
        _ = try tokenizer.encode("A cat, naïve 你好 \u{1F600} <s>")
        let again = try Tokenizer(json: tokenizer.json(), limits: limits)
        expect(try again.encode("a cat").ids == tokenizer.encode("a cat").ids, "the tokenizer written encodes otherwise")
    },
    "sentencepiece": { bytes in
        let tokenizer = try Tokenizer(SentencePieceModel(bytes))
        _ = try tokenizer.encode("A cat, naïve 你好 \u{1F600}")
    },
    "vocabulary": { bytes in
        _ = try? VocabularyFiles.lines(bytes)
        _ = try? VocabularyFiles.tiktoken(bytes)
        _ = try? VocabularyFiles.json(bytes, limits: limits)
        _ = try? CLIPVocabulary(merges: bytes)
    },
    "picture": { bytes in
        var options = DecodeOptions()
        options.limits = limits
        let picture = try ImageDecoder.decode(bytes, options: options)
        expect(picture.bitmap.width > 0 && picture.bitmap.height > 0, "a picture without pixels")
    },
    "cascade": { bytes in _ = try Cascade(xml: bytes) },
    "configuration": { bytes in
        let file = MemoryFile(bytes)
        _ = try? ConfigurationHints(file.path, limits: limits)
        let json = JSONCursor(try JSONValue(parsing: bytes, dialect: .python, limits: limits), path: file.path)
        for type in Networks.all {
            guard let configuration = try? type.init(json: json) else { continue }
            _ = try? configuration.manifest()
        }
    },
]

let target: @Sendable ([UInt8]) throws -> Void = {
    let name = getenv("ISOMER_FUZZ").map { String(cString: $0) } ?? ""
    guard let target = targets[name] else {
        fatalError("ISOMER_FUZZ is one of \(targets.keys.sorted().joined(separator: " "))")
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do { try target([UInt8](UnsafeBufferPointer(start: start, count: count))) } catch {
        // Every refusal is one sentence without control characters.
        if error is IsomerError { expect(!"\(error)".utf8.contains { $0 < 0x20 || $0 == 0x7F }, "an error with control characters") }
    }
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager gives every program a main function of this name; libFuzzer's own would not be called.
@_cdecl("isomer_fuzz_main")
public func fuzzMain(_ count: CInt, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var (count, words) = (count, words)
    return runDriver(&count, &words, fuzzOneInput)
}
