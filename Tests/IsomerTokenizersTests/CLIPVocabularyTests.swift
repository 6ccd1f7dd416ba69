import Crypto
import IsomerBytes
import IsomerTokenizers
import Testing

/// Digests and sizes are those of the files in the published `tokenizer` folders of Stable Diffusion 1.5 and 2.1, and of what the slow
/// `CLIPTokenizer` of transformers 4.57.3 saves.
@Suite struct CLIPVocabularyTests {
    private func digest(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test func hasTheTokensOfOpenAI() throws {
        let vocabulary = try CLIPVocabulary().model.vocabulary
        #expect(vocabulary.count == CLIPVocabulary.count)
        #expect(vocabulary.idBound == CLIPVocabulary.count)
        try vocabulary.checkGaps()
        #expect(vocabulary.id(of: "!") == 0)
        #expect(vocabulary.id(of: "!</w>") == 256)
        #expect(vocabulary.id(of: "cat</w>") == 2368)
        #expect(vocabulary.token(49_406) == "<|startoftext|>")
        #expect(vocabulary.token(49_407) == "<|endoftext|>")
        #expect(vocabulary.token(49_408) == nil)
        #expect(vocabulary.id(of: "no such token") == nil)
    }

    @Test func writesThePublishedFiles() throws {
        let files = try CLIPTokenizerFiles.files(padding: .endOfText)
        let byName = Dictionary(files.map { ($0.name, $0.bytes) }) { first, _ in first }
        #expect(files.map(\.name) == ["merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"])
        #expect(byName["vocab.json"]?.count == 1_059_962)
        #expect(byName["vocab.json"].map(digest) == "e089ad92ba36837a0d31433e555c8f45fe601ab5c221d4f607ded32d9f7a4349")
        #expect(byName["merges.txt"].map(digest) == "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a")
        #expect(byName["special_tokens_map.json"]?.count == 472)
        #expect(byName["tokenizer_config.json"]?.count == 806)
        #expect(byName["special_tokens_map.json"].map(digest) == "c4864a9376a8401918425bed71fc14fc0e81f9b59ec45c1cf96cccb2df508eac")
        #expect(byName["tokenizer_config.json"].map(digest) == "00439066fcba73de57644cf41e4e3b9f2dbb09d7f3fc2005898ba52399045882")
    }

    @Test func writesTheFilesOfStableDiffusion2() {
        #expect(CLIPTokenizerFiles.specialTokensMap(padding: .exclamation).count == 460)
        #expect(CLIPTokenizerFiles.configuration(padding: .exclamation).count == 824)
        #expect(
            digest(CLIPTokenizerFiles.specialTokensMap(padding: .exclamation))
                == "f118ab3a983206e4f32583448de6bd6aae4ee21869135cef1f5848a753cdaab6")
        #expect(
            digest(CLIPTokenizerFiles.configuration(padding: .exclamation))
                == "87a3154f0990fd992fd59f9d42c39520155b3d77cd543efe3f2bf011726f379d")
    }

    @Test func mergesAreWrittenAsTheyWereRead() throws {
        #expect(try CLIPVocabulary().model.mergesText() == CLIPVocabulary.mergesText())
    }

    @Test func badMergesAreRefusedWithTheirPlace() {
        #expect(
            throws: IsomerError(
                .malformed, "merge 2 joins a token that no merge before it makes", byteOffset: 18, found: "\"xy z\"")
        ) { try CLIPVocabulary(merges: Array("#version: 0.2\ni n\nxy z\n".utf8)) }
        #expect(
            throws: IsomerError(
                .malformed, "line 2 of the merges is not a merge", byteOffset: 4, expected: "two tokens and one space", found: "\"a b c\"")
        ) { try CLIPVocabulary(merges: Array("i n\na b c\n".utf8)) }
    }
}
