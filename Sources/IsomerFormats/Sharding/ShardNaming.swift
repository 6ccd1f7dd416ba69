/// How the files of a sharded set are called.
///
///     model.safetensors                             one file
///     model-00001-of-00002.safetensors              two
///     model.safetensors.index.json                  their index
///     model.fp16-00001-of-00002.safetensors         with a variant
///     model.safetensors.index.fp16.json             and its index
// Reference: diffusers 0.42.1 and transformers 5.23, `_add_variant` and `save_pretrained`; huggingface_hub 2.4.0, serialization/_base.py.
public struct ShardNaming: Hashable, Sendable {
    /// `diffusion_pytorch_model` for diffusers' models, `model` for transformers'.
    public var stem: String
    /// `fp16`, `non_ema`, …
    public var variant: String?
    /// Without the dot: `safetensors`, `bin`.
    public var fileExtension: String

    public init(stem: String, variant: String? = nil, fileExtension: String = "safetensors") {
        self.stem = stem
        self.variant = variant
        self.fileExtension = fileExtension
    }

    /// diffusers' name for its models' weights.
    public static let diffusers = ShardNaming(stem: "diffusion_pytorch_model")
    /// transformers' name for its models' weights.
    public static let transformers = ShardNaming(stem: "model")

    /// The file with the number `shard`, from 1, of `count`.
    public func fileName(shard: Int, of count: Int) -> String {
        let suffix = count > 1 ? "-\(padded(shard))-of-\(padded(count))" : ""
        return "\(stem)\(variant.map { "." + $0 } ?? "")\(suffix).\(fileExtension)"
    }

    /// The index of a set of more than one file.
    public var indexFileName: String {
        "\(stem).\(fileExtension).index\(variant.map { "." + $0 } ?? "").json"
    }

    /// What the name of a shard says: which it is of how many, and how its set is called. `nil` if it is no shard's name.
    public static func shard(named name: String) -> (naming: ShardNaming, number: Int, count: Int)? {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return nil }
        let words = name[..<dot].split(separator: "-", omittingEmptySubsequences: false)
        guard words.count >= 4, words[words.count - 2] == "of", let count = parsed(words[words.count - 1]),
            let number = parsed(words[words.count - 3]), count > 1, 1...count ~= number
        else { return nil }
        // The variant, if there is one, stands before the numbers in a shard's name and elsewhere in the index's: it may stay in the stem.
        let stem = words.dropLast(3).joined(separator: "-")
        let naming = ShardNaming(stem: stem, fileExtension: String(name[name.index(after: dot)...]))
        return naming.fileName(shard: number, of: count) == name ? (naming, number, count) : nil
    }

    private static func parsed(_ digits: Substring) -> Int? {
        digits.count <= 5 && digits.allSatisfy { ("0"..."9").contains($0) } ? Int(digits) : nil
    }

    private func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
