public import IsomerBytes

/// The files of a `tokenizer_2` or `tokenizer_3` folder, as transformers' `T5TokenizerFast` publishes them beside Flux and Stable Diffusion 3.
public enum T5TokenizerFiles {
    /// The four files: `special_tokens_map.json`, `spiece.model`, `tokenizer.json`, `tokenizer_config.json`.
    ///
    /// `spiece.model` holds the published pieces, scores and character map; the published one also records how it was trained.
    public static func files() throws(IsomerError) -> [Tokenizer.File] {
        [
            Tokenizer.File(name: "special_tokens_map.json", bytes: text(specialTokensMap)),
            Tokenizer.File(name: "spiece.model", bytes: try T5Vocabulary.modelBytes()),
            Tokenizer.File(name: "tokenizer.json", bytes: try Tokenizer.t5().json()),
            Tokenizer.File(name: "tokenizer_config.json", bytes: text(configuration)),
        ]
    }

    private static let marks: [(content: String, id: Int)] =
        [("<pad>", 0), ("</s>", 1), ("<unk>", 2)]
        + (0..<T5Vocabulary.sentinelCount).map { ("<extra_id_\(T5Vocabulary.sentinelCount - 1 - $0)>", 32_000 + $0) }

    private static let sentinels = JSONValue.array((0..<T5Vocabulary.sentinelCount).map { .string("<extra_id_\($0)>") })

    private static func text(_ object: JSONObject) -> [UInt8] {
        JSONWriter(style: .pretty(indent: 2)).bytes(.object(object)) + [UInt8(ascii: "\n")]
    }

    private static func plain(_ content: String) -> JSONObject {
        ["content": .string(content), "lstrip": false, "normalized": false, "rstrip": false, "single_word": false]
    }

    private static var specialTokensMap: JSONObject {
        [
            "additional_special_tokens": sentinels, "eos_token": .object(plain("</s>")), "pad_token": .object(plain("<pad>")),
            "unk_token": .object(plain("<unk>")),
        ]
    }

    private static var configuration: JSONObject {
        var added = JSONObject()
        for (content, id) in marks {
            var token = plain(content)
            token["special"] = true
            added["\(id)"] = .object(token)
        }
        return [
            "add_prefix_space": .null, "added_tokens_decoder": .object(added), "additional_special_tokens": sentinels,
            "clean_up_tokenization_spaces": true, "eos_token": "</s>", "extra_ids": .number(JSONNumber(T5Vocabulary.sentinelCount)),
            "legacy": true, "model_max_length": .number(JSONNumber(T5Vocabulary.window)), "pad_token": "<pad>", "sp_model_kwargs": [:],
            "tokenizer_class": "T5Tokenizer", "unk_token": "<unk>",
        ]
    }
}
