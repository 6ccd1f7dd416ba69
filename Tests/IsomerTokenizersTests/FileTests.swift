import IsomerBytes
import Testing

@testable import IsomerTokenizers

@Suite struct FileTests {
    @Test func openAIsTableIsCLIP() throws {
        let vocabulary = try CLIPVocabulary(merges: try CLIPVocabulary.mergesText())
        #expect(vocabulary.model.vocabulary.count == CLIPVocabulary.count)
    }

    @Test func clipGoesThroughTokenizerJSONAndBack() throws {
        let tokenizer = try Tokenizer.clip()
        let copy = try Tokenizer(json: tokenizer.json())
        #expect(copy.json() == tokenizer.json())
        #expect(try copy.encode("A cat's hat!").ids == tokenizer.encode("A cat's hat!").ids)
        #expect(IDEncoder(copy).isFast)
    }

    @Test func t5sModelBecomesItsTokenizerJSON() throws {
        let converted = try Tokenizer(SentencePieceModel(Fixture.bytes("t5.model")))
        let cases = try Fixture.cases("t5.cases.json")
        var differences = Differences()
        for sample in cases {
            let found = try converted.encode(sample.text).ids
            if found != sample.ids { differences.add("\(sample.text.debugDescription): \(found) for \(sample.ids)") }
        }
        differences.expectNone("t5.model as tokenizer.json")
    }

    @Test func tiktokenRanksMakeMerges() throws {
        // Every byte, then "he", "ll", "hell", "hello".
        var lines = ""
        for byte in UInt8.min...UInt8.max { lines += "\(Base64.encode([byte])) \(byte)\n" }
        for (index, token) in ["he", "ll", "hell", "hello"].enumerated() { lines += "\(Base64.encode(Array(token.utf8))) \(256 + index)\n" }
        let tokenizer = try VocabularyFiles.tiktoken(Array(lines.utf8))
        #expect(try tokenizer.encode("hello hell").ids == [259, 32, 258])
        #expect(try tokenizer.decode([259, 32, 258]) == "hello hell")
    }

    @Test func wordPieceLines() throws {
        let text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n##s\n"
        let vocabulary = try VocabularyFiles.lines(Array(text.utf8))
        #expect(VocabularyFiles.lines(vocabulary) == Array(text.utf8))
        #expect(try Tokenizer.bert(vocabulary).encode("Cats dog").ids == [2, 5, 6, 1, 3])
    }

    @Test func badFilesAreRefusedWithTheirPlace() throws {
        #expect(throws: IsomerError(.malformed, "two tokens have the id 0", item: "b", found: "the other is \"a\"")) {
            try VocabularyFiles.json(Array(#"{"a": 0, "b": 0}"#.utf8))
        }
        #expect(
            throws: IsomerError(
                .malformed, "no token has the id 1", expected: "ids 0 to 2 without gaps",
                remedy: "a file of added tokens may be missing")
        ) {
            try Tokenizer(json: Array(#"{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 2}}}"#.utf8))
        }
        #expect(throws: IsomerError(.malformed, "merge 1 names a token that is not in the vocabulary", item: "a c")) {
            try Tokenizer(json: Array(#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a c"]}}"#.utf8))
        }
        #expect(throws: IsomerError(.unsupported, "this kind of normalizer is not known", item: "normalizer.type", found: "Magic")) {
            try Tokenizer(
                json: Array(#"{"normalizer": {"type": "Magic"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#.utf8))
        }
        #expect(
            throws: IsomerError(
                .malformed, "line 2 is not a token and its rank", byteOffset: 7, expected: "base64, a space, a number")
        ) { try VocabularyFiles.tiktoken(Array("YQ== 0\nnope\n".utf8)) }
        #expect(
            throws: IsomerError(
                .limitExceeded, "a token's id is larger than any vocabulary's", item: "a", expected: "at most 16777215", found: "4000000000"
            )
        ) { try VocabularyFiles.json(Array(#"{"a": 4000000000}"#.utf8)) }
    }

    /// Oniguruma has two tables for words and for punctuation, as its Python users (tokenizers 0.23) can see.
    @Test(arguments: [
        (#"\w"#, "a_½²Ⓐ"), (#"[\w]"#, "a_Ⓐ"), ("[[:word:]]", "a_Ⓐ"), (#"\p{Word}"#, "a_½²Ⓐ"), (#"\W"#, "+-£ "), (#"[^\w]"#, "½²+-£ "),
        (#"[\W]"#, "½²+-£ "), (#"[^\W]"#, "a_Ⓐ"), (#"\p{^Word}"#, "+-£ "), ("[[:^word:]]", "½²+-£ "), ("[[:punct:]]", "_Ⓐ+-£"),
        (#"\p{Punct}"#, "_-"),
    ])
    func wordsAndPunctuation(pattern: String, found: String) throws {
        var expected: [Range<Int>] = []
        var offset = 0
        for scalar in "a_½²Ⓐ+-£ ".unicodeScalars {
            let next = offset + UTF8.width(scalar)
            if found.unicodeScalars.contains(scalar) { expected.append(offset..<next) }
            offset = next
        }
        let matches = try Pattern(pattern).matches(in: Pattern.Subject("a_½²Ⓐ+-£ "))
        #expect(matches == expected)
    }

    @Test func patternsThatWouldHangAreStopped() throws {
        let pattern = try Pattern("(a*)*(a*)*(a*)*b")
        #expect(throws: IsomerError.self) { try pattern.matches(in: Pattern.Subject(String(repeating: "a", count: 5_000))) }
        #expect(throws: IsomerError.self) { try Pattern("(?<name>a)") }
        #expect(throws: IsomerError.self) { try Pattern("a{1000}{1000}{1000}") }
        #expect(throws: IsomerError.self) { try Pattern(String(repeating: "(", count: 10_000)) }
    }
}
