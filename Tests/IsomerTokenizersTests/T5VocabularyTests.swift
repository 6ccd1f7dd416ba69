import IsomerBytes
import IsomerTokenizers
import Testing

@Suite struct T5VocabularyTests {
    @Test func hasTheTokensOfGoogle() throws {
        let tokenizer = try Tokenizer.t5()
        #expect(tokenizer.id(of: "<pad>") == T5Vocabulary.padding)
        #expect(tokenizer.id(of: "</s>") == T5Vocabulary.end)
        #expect(tokenizer.id(of: "<unk>") == 2)
        #expect(tokenizer.id(of: "\u{2581}cat") == 1_712)
        #expect(tokenizer.id(of: "<extra_id_99>") == 32_000)
        #expect(tokenizer.id(of: "<extra_id_0>") == TokenID(T5Vocabulary.count - 1))
        // What every guide prints of T5: "translate English to German: That is good."
        #expect(
            try tokenizer.encode("translate English to German: That is good.").ids == [13_959, 1_566, 12, 2_968, 10, 466, 19, 207, 5, 1])
    }

    @Test func itsFilesAreReadBackAsTheSameTokenizer() throws {
        let files = try T5TokenizerFiles.files()
        #expect(files.map(\.name) == ["special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer_config.json"])
        let text = try #require(files.first { $0.name == "tokenizer.json" }).bytes
        let model = try #require(files.first { $0.name == "spiece.model" }).bytes
        let sample = "A watercolour of \u{1F98A} foxes, 4k — très joli\u{301} ﬁn. <extra_id_3>"
        let ids = try Tokenizer.t5().encode(sample).ids
        #expect(try Tokenizer(json: text).encode(sample).ids == ids)
        #expect(try Tokenizer(SentencePieceModel(model)).encode(sample).ids == ids)
        #expect(try Tokenizer(json: text).json() == text)
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            let parsed = try JSONCursor(JSONValue(parsing: #require(files.first { $0.name == name }).bytes))
            #expect(try parsed.required("additional_special_tokens").elements().count == T5Vocabulary.sentinelCount)
        }
    }
}
