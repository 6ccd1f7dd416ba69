import IsomerBytes
import Testing

@testable import IsomerTokenizers

/// Files that lie: refused with their place, in bounded time and memory.
@Suite struct BadInputTests {
    private func json(_ text: String) throws -> Tokenizer { try Tokenizer(json: Array(text.utf8), path: "tokenizer.json") }

    @Test func mergesThatNameNoToken() throws {
        let vocabulary = try VocabularyFiles.json(Array(#"{"a": 0, "b": 1, "ab": 2}"#.utf8))
        #expect(
            throws: IsomerError(
                .malformed, "merge 2 names a token that is not in the vocabulary", item: "c", byteOffset: 18,
                remedy: "use the vocab.json and merges.txt of one model")
        ) { try BytePairModel(vocabulary: vocabulary, text: MergesText(Array("#version: 0.2\na b\nc a\n".utf8))) }
        #expect {
            _ = try BytePairModel(vocabulary: vocabulary, text: MergesText(Array("a b\na b\n".utf8)))
        } throws: { ($0 as? IsomerError)?.what == "merge 2 stands twice" }
        #expect {
            _ = try MergesText(Array("a b c\n".utf8))
        } throws: { ($0 as? IsomerError)?.location.byteOffset == 0 }
        #expect(throws: IsomerError.self) { try CLIPVocabulary(merges: Array("#version\nq zz\n".utf8)) }
    }

    /// A tokenizer of one token, and an added one of this number.
    private static func adding(id: Int) -> String {
        let flags = #""single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false"#
        let model = #"{"type": "BPE", "vocab": {"a": 0}, "merges": []}"#
        return #"{"added_tokens": [{"id": \#(id), "content": "b", \#(flags)}], "model": \#(model)}"#
    }

    @Test func duplicateIDsGapsAndBrokenText() throws {
        #expect(
            throws: IsomerError(
                .malformed, "no token has the id 1", path: "tokenizer.json", expected: "ids 0 to 2 without gaps",
                remedy: "a file of added tokens may be missing")
        ) {
            try json(#"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 2}, "merges": []}}"#)
        }
        #expect {
            _ = try json(Self.adding(id: 0))
        } throws: { ($0 as? IsomerError)?.what == "two tokens have the id 0" }
        #expect {
            _ = try Tokenizer(
                json: Array(#"{"model": {"type": "BPE", "vocab": {""#.utf8) + [0xFF] + Array(#"": 0}, "merges": []}}"#.utf8), path: "x")
        } throws: { error in
            let error = error as? IsomerError
            return error?.code == .malformed && error?.location.byteOffset == 37
        }
        #expect {
            _ = try VocabularyFiles.lines([0x61, 0x0A, 0xC3, 0x28, 0x0A], path: "vocab.txt")
        } throws: { ($0 as? IsomerError)?.location.byteOffset == 2 }
    }

    @Test func unknownKindsOfComponents() throws {
        for (section, what) in [
            ("normalizer", "normalizer"), ("pre_tokenizer", "pre-tokenizer"), ("post_processor", "post-processor"), ("decoder", "decoder"),
        ] {
            #expect {
                _ = try json(#"{"\#(section)": {"type": "Odd"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#)
            } throws: { error in
                let error = error as? IsomerError
                return error?.code == .unsupported && error?.what == "this kind of \(what) is not known"
                    && error?.location.item == "\(section).type"
            }
        }
        #expect {
            _ = try json(#"{"model": {"type": "Odd", "vocab": {}}}"#)
        } throws: { ($0 as? IsomerError)?.location.item == "model.type" }
    }

    @Test func gigantesAndDeepNestsEndSoon() throws {
        // Ids and sizes that would take all memory.
        #expect(throws: IsomerError.self) { try json(#"{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 4294967295}}}"#) }
        #expect(throws: IsomerError.self) {
            try json(Self.adding(id: 16_777_216))
        }
        #expect(throws: IsomerError.self) { try SentencePieceModel([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) }
        #expect(throws: IsomerError.self) { try PrecompiledMap([0xFC, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]) }
        let deep = String(repeating: #"{"type": "Sequence", "normalizers": ["#, count: 10_000)
        #expect(throws: IsomerError.self) { try json(#"{"normalizer": \#(deep)"#) }
        var limits = Limits()
        limits.jsonBytes = 1_000
        #expect {
            _ = try Tokenizer(json: Fixture.bytes("bert.tokenizer.json"), limits: limits)
        } throws: { ($0 as? IsomerError)?.code == .limitExceeded }
    }

    /// Long runs of what makes naive code quadratic.
    @Test(.timeLimit(.minutes(10)), arguments: ["clip", "byte-level", "roberta", "bert", "word-level", "llama", "suffixed", "t5"])
    func longRunsCostNoMoreThanTheirLength(_ name: String) throws {
        let tokenizer = name == "clip" ? try Tokenizer.clip() : try Tokenizer(json: Fixture.bytes("\(name).tokenizer.json"))
        let count = 4_000
        for unit in ["a", " ", "!", "\u{301}", "é", "字", "👩‍", "<", "<|", "\u{1100}", "\n", "A ", "ab", "<|endoftext|>", "'s"] {
            let text = String(repeating: unit, count: count)
            _ = try tokenizer.encode(text)
            _ = try IDEncoder(tokenizer).ids(of: text)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: CLIPFlavor.allCases) func longRunsAreRepairedInTime(_ flavor: CLIPFlavor) throws {
        let tokenizer = try SimpleCLIPTokenizer(flavor)
        for unit in [
            "a", " ", "&", "&amp;", "&#", "Ã", "Ã©", "â€œ", "\u{1B}[", "\u{1A}", "Σ", "Σ.", "\u{301}", "ß", "<", "\u{85}", "à la ",
            "ð\u{9F}",
        ] {
            _ = tokenizer.encode(String(repeating: unit, count: 2_000))
        }
    }

    @Test func windowsAndSchedulesOfOddPrompts() throws {
        let clip = try Tokenizer.clip()
        let windows = PromptWindows(shape: .clip(.endOfText), comma: clip.id(of: ",</w>"))
        for text in ["(", ")", "((((", "[a:b:", "(a:1e400)", "(a:nan)", "\\", "BREAK", "BREAK BREAK", ":::", "[|]", "(:1.5)", "(a:-0.0)"] {
            #expect(try windows.windows(text, tokenizer: clip).allSatisfy { $0.ids.count == 77 && $0.weights.count == 77 })
            _ = try PromptSchedule(text).prompts(steps: 3)
        }
        #expect(throws: IsomerError.self) { try PromptSchedule(String(repeating: "[", count: 100_000)) }
    }
}
