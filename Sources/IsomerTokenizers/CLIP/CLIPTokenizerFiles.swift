public import IsomerBytes

/// What fills a prompt's unused positions, which is all in which the published tokenizers of CLIP encoders differ.
public enum CLIPPadding: Hashable, Sendable {
    /// `<|endoftext|>`: OpenAI's ViT-L/14, the text encoder of Stable Diffusion 1.x, and the first of SDXL, SD3 and Flux.
    case endOfText
    /// `!`, which has the id 0: OpenCLIP's ViT-H/14 and bigG/14, the text encoder of Stable Diffusion 2.x, and the second of SDXL and SD3.
    case exclamation

    /// The token that pads.
    public var token: String {
        switch self {
        case .endOfText: "<|endoftext|>"
        case .exclamation: "!"
        }
    }
}

/// The files of a `tokenizer` folder, as transformers' `CLIPTokenizer` publishes them beside Stable Diffusion, byte for byte.
public enum CLIPTokenizerFiles {
    /// One file of the folder.
    public struct File: Hashable, Sendable {
        /// Its name in the folder.
        public let name: String
        /// All of it.
        public let bytes: [UInt8]
    }

    /// The four files: `vocab.json`, `merges.txt`, `special_tokens_map.json`, `tokenizer_config.json`.
    public static func files(padding: CLIPPadding) throws(IsomerError) -> [File] {
        let vocabulary = try CLIPVocabulary()
        return [
            File(name: "merges.txt", bytes: try CLIPVocabulary.mergesText()),
            File(name: "special_tokens_map.json", bytes: specialTokensMap(padding: padding)),
            File(name: "tokenizer_config.json", bytes: configuration(padding: padding)),
            File(name: "vocab.json", bytes: VocabularyText.json(vocabulary.model.vocabulary)),
        ]
    }

    /// The bytes of `special_tokens_map.json`.
    public static func specialTokensMap(padding: CLIPPadding) -> [UInt8] {
        Array(
            """
            {
              "bos_token": \(token("<|startoftext|>", typed: false)),
              "eos_token": \(token("<|endoftext|>", typed: false)),
              "pad_token": "\(padding.token)",
              "unk_token": \(token("<|endoftext|>", typed: false))
            }

            """.utf8)
    }

    /// The bytes of `tokenizer_config.json`.
    ///
    /// As published, it names `<|endoftext|>` for padding in both families; `special_tokens_map.json` has the last word.
    public static func configuration(padding: CLIPPadding) -> [UInt8] {
        let origin =
            switch padding {
            case .endOfText: "openai/clip-vit-large-patch14"
            case .exclamation: "hf-models/stable-diffusion-v2-768x768/tokenizer"
            }
        return Array(
            """
            {
              "add_prefix_space": false,
              "bos_token": \(token("<|startoftext|>", typed: true)),
              "do_lower_case": true,
              "eos_token": \(token("<|endoftext|>", typed: true)),
              "errors": "replace",
              "model_max_length": 77,
              "name_or_path": "\(origin)",
              "pad_token": "<|endoftext|>",
              "special_tokens_map_file": "./special_tokens_map.json",
              "tokenizer_class": "CLIPTokenizer",
              "unk_token": \(token("<|endoftext|>", typed: true))
            }

            """.utf8)
    }

    private static func token(_ content: String, typed: Bool) -> String {
        """
        {\(typed ? "\n    \"__type\": \"AddedToken\"," : "")
            "content": "\(content)",
            "lstrip": false,
            "normalized": true,
            "rstrip": false,
            "single_word": false
          }
        """
    }
}
