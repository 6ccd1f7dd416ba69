import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
public import IsomerTensors

/// What an adapter is: what `inspect` shows of one.
public struct AdapterSummary: Sendable {
    /// What it changes of one component.
    public struct Component: Hashable, Sendable {
        /// `unet`; `nil` for modules that the model does not know.
        public var slot: String?
        public var modules: Int
        /// The last parts of the modules' names, with how many there are: `to_q` 32.
        public var targets: [String]
    }

    /// Kinds, with how many modules are of each: "LoRA" 192.
    public var kinds: [(kind: String, modules: Int)] = []
    public var hasMagnitudes = false
    /// Ranks and alphas, with how many modules have each pair; the most usual first.
    public var ranks: [(rank: Int, alpha: Double?, modules: Int)] = []
    /// Where alpha is stated.
    public var alphaOrigin: String?
    /// The naming: identifier and title; `nil` if it is no tool's.
    public var naming: (identifier: String, title: String)?
    /// The model that it is for, and why that is believed.
    public var base: (title: String, family: String)?
    public var reasons: [String] = []
    public var components: [Component] = []
    /// Modules that the model does not know, or that do not fit it.
    public var misfits: [String] = []
    /// Tensors of no module.
    public var others: [String] = []
    /// Training settings that the metadata tell, by name.
    public var training: [(name: String, value: String)] = []

    /// Looks at `path` if its tensors are named as an adapter's are; `nil` if not.
    public init?(of path: FilePath, _ tensors: any TensorSource, limits: Limits = Limits()) throws(IsomerError) {
        let inventory = TensorInventory(tensors.tensors)
        guard AdapterReading.looksLikeOne(inventory), let reading = AdapterReading(inventory) else { return nil }
        let source = ConversionPlan.Source("", tensors, files: [])
        training = AdapterSummary.training(in: tensors.metadata)
        others = reading.others.map { inventory.tensors[$0].name }
        var modules = reading.modules
        var scales = try Adapter.scales(of: reading, tensors, path, inventory, limits)
        if let adapter = try? Adapter(path, source, for: nil, limits: limits) {
            modules = adapter.modules
            scales = adapter.scales
            naming = adapter.naming.map { ($0.identifier, $0.title) }
            base = (adapter.base.title, adapter.base.aliases.family.identifier)
            reasons.append("\(adapter.base.named) of \(modules.count) modules are called as in \(adapter.base.title)")
            reasons.append("\(adapter.base.fitting) of them fit its shapes")
            misfits = modules.compactMap { $0.misfit(in: inventory)?.description }
        }
        if let stated = AdapterSummary.statedBase(in: tensors.metadata) { reasons.append("the metadata say \(stated)") }
        describe(modules, scales)
    }

    private mutating func describe(_ modules: [AdapterModule], _ scales: [Adapter.Scale]) {
        var kindCounts: [String: Int] = [:]
        var rankCounts: [[Double?]: Int] = [:]
        var bySlot: [String?: (modules: Int, targets: [String: Int])] = [:]
        for (module, scale) in zip(modules, scales) {
            kindCounts[module.kind?.rawValue ?? "incomplete", default: 0] += 1
            hasMagnitudes = hasMagnitudes || module.hasMagnitude
            if let rank = scale.rank { rankCounts[[Double(rank), scale.alpha], default: 0] += 1 }
            alphaOrigin = alphaOrigin ?? scale.origin
            let slot = module.target?.slot
            let leaf = module.target.map { AdapterSummary.leaf($0.modules[0], joined: $0.modules.count) } ?? "not known"
            bySlot[slot, default: (0, [:])].modules += 1
            bySlot[slot, default: (0, [:])].targets[leaf, default: 0] += 1
        }
        kinds = kindCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
        ranks = rankCounts.map { (Int($0.key[0] ?? 0), $0.key[1], $0.value) }.sorted { left, right in
            (right.2, left.0, left.1 ?? -.infinity) < (left.2, right.0, right.1 ?? -.infinity)
        }
        components = bySlot.sorted { ($0.key ?? "~") < ($1.key ?? "~") }.map { slot, found in
            Component(slot: slot, modules: found.modules, targets: found.targets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
        }
    }

    /// `attn1.to_q` of a module's path, numbers left out.
    private static func leaf(_ module: String, joined: Int) -> String {
        let words = module.split(separator: ".").filter { Int($0) == nil }
        return words.suffix(2).joined(separator: ".") + (joined > 1 ? " and \(joined - 1) more joined" : "")
    }

    private static func statedBase(in metadata: FileMetadata) -> String? {
        for key in ["modelspec.architecture", "ss_base_model_version", "base_model"] {
            if let value = metadata[key], !value.isEmpty { return "\(key) \(value)" }
        }
        return nil
    }

    /// What kohya's and OneTrainer's metadata say of the training, in words.
    private static func training(in metadata: FileMetadata) -> [(name: String, value: String)] {
        let known = [
            ("ss_output_name", "name"), ("ss_network_module", "network"), ("ss_network_dim", "rank"), ("ss_network_alpha", "alpha"),
            ("ss_network_args", "network arguments"), ("ss_sd_model_name", "trained on"), ("ss_base_model_version", "base model"),
            ("ss_sd_model_hash", "base model's hash"), ("ss_v2", "Stable Diffusion 2"), ("ss_learning_rate", "learning rate"),
            ("ss_unet_lr", "learning rate of the denoiser"), ("ss_text_encoder_lr", "learning rate of the text encoder"),
            ("ss_optimizer", "optimizer"), ("ss_lr_scheduler", "schedule"), ("ss_max_train_steps", "steps planned"), ("ss_steps", "steps"),
            ("ss_num_epochs", "epochs planned"), ("ss_epoch", "epochs"), ("ss_batch_size_per_device", "batch size"),
            ("ss_total_batch_size", "batch size in all"), ("ss_gradient_accumulation_steps", "gradient accumulation"),
            ("ss_resolution", "resolution"), ("ss_clip_skip", "clip skip"), ("ss_num_train_images", "pictures"),
            ("ss_num_reg_images", "regularisation pictures"), ("ss_seed", "seed"), ("ss_mixed_precision", "precision"),
            ("ss_noise_offset", "noise offset"), ("ss_min_snr_gamma", "min SNR gamma"), ("ss_training_comment", "comment"),
            ("ss_session_id", "session"), ("ot_branch", "OneTrainer branch"), ("ot_revision", "OneTrainer revision"),
            ("modelspec.title", "title"), ("modelspec.author", "author"), ("modelspec.trigger_phrase", "trigger words"),
        ]
        return known.compactMap { key, name in
            guard let value = metadata[key], !value.isEmpty, value != "None" else { return nil }
            return (name, value)
        }
    }
}
