import IsomerBytes
import IsomerFormats

/// How Diffusers and transformers name the weight files of a component: stem, variant, shards, container.
///
/// Reference: diffusers 0.42.1 utils/hub_utils.py `_add_variant`, models/model_loading_utils.py; transformers 5.23 modeling_utils.py.
struct WeightFileName: Hashable, Sendable {
    /// The file: one with weights, or the index of a sharded set.
    var name: String
    /// `fp16`, or `nil`.
    var variant: String?
    /// Whether it is safetensors rather than a pickle.
    var isSafetensors: Bool

    /// Stems in the order in which they are looked for.
    private static let stems = ["diffusion_pytorch_model", "model", "pytorch_model"]

    /// Whether a file of this name holds weights or an index of them, in any container that some library writes.
    static func isWeights(_ name: String) -> Bool {
        let endings = [".safetensors", ".bin", ".pt", ".ckpt", ".msgpack", ".h5", ".onnx", ".onnx_data", ".gguf", ".xml"]
        return endings.contains { name.hasSuffix($0) } || name.split(separator: ".").dropFirst().contains("index")
    }

    /// Reads a name; `nil` if it is not the one file that a loader opens: a shard, another library's file, something else.
    init?(_ name: String) {
        for stem in WeightFileName.stems {
            guard name.hasPrefix(stem + ".") else { continue }
            var parts = name.dropFirst(stem.count + 1).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let isIndex = parts.contains("index") && parts.last == "json"
            if isIndex { parts.removeAll { $0 == "index" || $0 == "json" } }
            guard let container = parts.firstIndex(where: { $0 == "safetensors" || $0 == "bin" }) else { return nil }
            let isSafetensors = parts.remove(at: container) == "safetensors"
            guard parts.count <= 1, parts.allSatisfy({ !$0.isEmpty && !WeightFileName.isShard($0) }) else { return nil }
            self.name = name
            self.variant = parts.first
            self.isSafetensors = isSafetensors
            return
        }
        return nil
    }

    /// `fp16-00001-of-00002`, or the same without a variant.
    private static func isShard(_ part: String) -> Bool {
        let words = part.split(separator: "-")
        return words.count >= 3 && words[words.count - 2] == "of"
    }

    /// The files that a loader opens among `names`, and the first of every set of shards that has no index.
    static func all(in names: [String]) -> [WeightFileName] {
        var found = names.compactMap(WeightFileName.init)
        for name in names.sorted() {
            guard let (naming, number, count) = ShardNaming.shard(named: name) else { continue }
            // Under the name that the whole would have as one file.
            guard var whole = WeightFileName(naming.fileName(shard: 1, of: 1)),
                !found.contains(where: { $0.variant == whole.variant && $0.isSafetensors == whole.isSafetensors })
            else { continue }
            whole.name = naming.fileName(shard: number, of: count)
            found.append(whole)
        }
        return found
    }

    /// The file to open among `names`, and a decision if there was a choice that the user might make otherwise.
    ///
    /// Safetensors before pickles; the variant that was asked for, else none, else the only one there is.
    static func choose(among names: [String], variant: String?, folder: FilePath) throws(IsomerError) -> (name: String, decision: Decision?)
    {
        let found = all(in: names)
        guard !found.isEmpty else {
            let shard = names.contains { isWeights($0) }
            throw IsomerError(
                .mismatch, shard ? "the folder holds weights, but none under a name that Diffusers opens" : "the folder holds no weights",
                path: folder, expected: "diffusion_pytorch_model.safetensors, model.safetensors or an index of shards")
        }
        let variants = Set(found.map(\.variant))
        let chosen: String?
        var decision: Decision?
        if let variant {
            guard variants.contains(variant) else {
                let there = variants.map { $0 ?? "none" }.sorted().joined(separator: ", ")
                throw IsomerError(
                    .mismatch, "the folder has no weights of this variant", path: folder, expected: variant, found: there,
                    remedy: variants == [nil] ? "leave --variant away" : "choose one that is there with --variant")
            }
            chosen = variant
        } else if variants.contains(nil) {
            chosen = nil
        } else {
            let named = variants.compactMap { $0 }.sorted()
            guard named.count == 1, let only = named.first else {
                throw IsomerError(
                    .undecided, "the folder has several variants of its weights", path: folder, found: named.joined(separator: ", "),
                    remedy: "choose one with --variant")
            }
            chosen = only
            decision = Decision(
                "variant", only, because: "\(folder.lastComponent?.string ?? "the folder") has no other weights", flag: "--variant NAME")
        }
        let withShards = names.contains { ShardNaming.shard(named: $0) != nil }
        let fitting = found.filter { $0.variant == chosen }.sorted {
            $0.preference(withShards: withShards) > $1.preference(withShards: withShards)
        }
        return (fitting[0].name, decision)
    }

    /// Safetensors first. Should both be there, diffusers opens the index, which may be all that is left of its set, and transformers the single
    /// file.
    private func preference(withShards: Bool) -> Int {
        let prefersIndex = withShards && name.hasPrefix(WeightFileName.stems[0])
        return (isSafetensors ? 2 : 0) + (name.hasSuffix(".json") == prefersIndex ? 1 : 0)
    }
}
