import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
import IsomerTensors

/// What the user asks of a merge: models that become one, adapters that are added to it.
public struct ModelMerge: Sendable {
    /// How models become one.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        /// Σ weight · model.
        case weightedSum = "weighted-sum"
        /// first + amount · (second − third).
        case addDifference = "add-difference"
        /// Along the arc between two.
        case slerp
        /// base + Σ of the largest changes that agree in sign.
        case ties
        /// base + Σ of changes that chance keeps.
        case dare
        /// DARE's changes, TIES' signs.
        case dareTies = "dare-ties"

        /// Whether changes from a base are combined.
        public var needsBase: Bool { self == .ties || self == .dare || self == .dareTies }
    }

    /// What the strength of a DoRA, which trains the weights' lengths too, is a factor on. At 1 both are the same.
    public enum LengthStrength: String, Hashable, Sendable, CaseIterable {
        /// The product of the factors; the sum then gets the trained lengths whole. So PEFT, and by it diffusers.
        case diffusers
        /// The whole change, that of the lengths too. So ComfyUI and A1111.
        case comfyui
    }

    /// An adapter and how much of it is added; negative to take it out again.
    public struct AddedAdapter: Hashable, Sendable {
        public var path: FilePath
        public var strength: Double

        public init(_ path: FilePath, strength: Double) {
            self.path = path
            self.strength = strength
        }
    }

    /// The models; the result has the first one's arrangement, types and everything that is not merged.
    public var models: [FilePath]
    public var method = Method.weightedSum
    /// One for each model; `nil` for what `amount` says, or for equal ones.
    public var weights: [Double]?
    /// The share of the second of two models, or how much of a difference is added.
    public var amount: Double?
    /// Other amounts for blocks, as `MergeBlocks.weights` reads them.
    public var blockWeights: String?
    /// What changes are counted from.
    public var base: FilePath?
    /// The share of changes that TIES and DARE keep.
    public var density = 0.5
    /// What chance follows from.
    public var seed: UInt64 = 0
    /// Added in this order.
    public var adapters: [AddedAdapter] = []
    /// What their strengths mean where lengths were trained too.
    public var lengthStrength = LengthStrength.diffusers

    public init(_ models: [FilePath]) {
        self.models = models
    }
}

/// A merge that has been planned.
public struct PlannedMerge: Sendable {
    /// What will be written.
    public var plan: ConversionPlan
    /// The tensors that are made of several, for what they lose when they are rounded.
    public var merged: MergedTensors
    /// What was merged how, as it stands in the metadata.
    public var recipe: JSONObject
}

extension ModelMerge {
    /// The key of the metadata that holds the recipe.
    public static let recipeKey = "isomer.merge"

    /// Plans the merge. `request.source` does not matter.
    ///
    /// Throws `usage` for numbers that make no sense, `mismatch` if models or adapters do not fit the first model. Nothing but headers and
    /// single numbers and text projections has been read by then, and nothing written.
    public func plan(_ request: ConversionRequest, to target: ModelTarget) throws(IsomerError) -> PlannedMerge {
        try checkNumbers()
        guard let firstPath = models.first else { throw IsomerError(.usage, "there is no model to merge") }
        var request = request
        request.source = firstPath
        var model = try Model(request)
        var others: [(path: FilePath, model: Model)] = []
        for path in models.dropFirst() + (base.map { [$0] } ?? []) {
            var other = try readOther(path, request, like: model)
            try Self.refuseOtherArchitecture(other, path, than: model, firstPath)
            let name = path.lastComponent?.string ?? path.string
            for var decision in other.decisions where decision.subject.hasPrefix(Repairs.subject) {
                decision.subject = "\(name): \(decision.subject)"
                model.decisions.append(decision)
            }
            model.decisions += try other.turnProjections(like: model, called: name)
            others.append((path, other))
        }
        let assembly = try assembly(of: model, others, request)
        let recipe = assembly.recipe
        request.metadata[ModelMerge.recipeKey] = JSONWriter(style: .compact).text(.object(recipe))
        // A merge is none of the models that their cards and notes are about.
        model.folder = nil
        model.take(assembly)

        var plan: ConversionPlan
        switch target {
        case .checkpoint(let container): plan = try model.checkpointPlan(container, request)
        case .canonical(let container): plan = try model.componentPlan(container, request)
        case .diffusers:
            plan = try model.diffusersPlan(request)
        }
        assembly.account(for: &plan)
        try plan.check()
        return PlannedMerge(plan: plan, merged: assembly.merged, recipe: recipe)
    }

    /// Finds out how the models and adapters fit.
    private func assembly(
        of model: Model, _ others: [(path: FilePath, model: Model)], _ request: ConversionRequest
    ) throws(IsomerError) -> MergeAssembly {
        var adapters: [(adapter: Adapter, left: Set<Int>)] = []
        for added in self.adapters {
            let adapter = try Adapter(added.path, for: model, limits: request.limits)
            adapters.append((adapter, try adapter.refuseMisfits(request.allowedUnknown)))
        }
        let blocks = try MergeBlocks(of: model)
        let amounts = try blockWeights.map { text throws(IsomerError) in try blocks.weights(text) } ?? [:]
        return try MergeAssembly(self, model, others, adapters, amounts, blocks, request)
    }

    /// `model` with this merge's adapters added.
    fileprivate func added(to model: Model, _ request: ConversionRequest) throws(IsomerError) -> Model {
        var model = model
        model.take(try assembly(of: model, [], request))
        return model
    }

    private func readOther(_ path: FilePath, _ request: ConversionRequest, like first: Model) throws(IsomerError) -> Model {
        var inner = ConversionRequest(source: path)
        inner.limits = request.limits
        inner.allowedMissing = request.allowedMissing
        inner.allowedUnknown = request.allowedUnknown
        inner.architecture = request.architecture
        inner.usesAverage = request.usesAverage
        inner.repairs = request.repairs
        return try Model(inner, like: first)
    }

    private func checkNumbers() throws(IsomerError) {
        func refuse(_ what: String, _ expected: String, _ found: String) -> IsomerError {
            IsomerError(.usage, what, expected: expected, found: found)
        }
        let numbers = (weights ?? []) + [amount, density].compactMap { $0 } + adapters.map(\.strength)
        if let odd = numbers.first(where: { !$0.isFinite }) { throw refuse("a weight is not a number", "a finite number", "\(odd)") }
        guard (0...1).contains(density), density > 0 else {
            throw refuse("the density is no share", "more than 0, at most 1", "\(density)")
        }
        if let weights, weights.count != models.count {
            throw refuse("there must be one weight for each model", "\(models.count)", "\(weights.count)")
        }
        if models.count > 60 { throw refuse("there are too many models", "at most 60", "\(models.count)") }
        switch method {
        case .weightedSum:
            if amount != nil || blockWeights != nil, models.count != 2 {
                throw refuse("a share of the second model needs two models", "2", "\(models.count)")
            }
            guard models.count > 1 || !adapters.isEmpty else {
                throw refuse("one model alone has nothing to be merged with", "two models, or one and adapters (--lora)", "1 model")
            }
            if let weights, weights.reduce(0, +) == 0 { throw refuse("the weights add up to nothing", "a sum other than 0", "0") }
        case .addDifference:
            guard models.count == 3 else {
                throw refuse(
                    "add-difference needs three models: the first, to which the second less the third is added", "3", "\(models.count)")
            }
        case .slerp:
            guard models.count == 2 else { throw refuse("slerp goes between two models", "2", "\(models.count)") }
        case .ties, .dare, .dareTies:
            guard base != nil else {
                throw IsomerError(
                    .usage, "\(method.rawValue) counts changes from a base", expected: "a base model", remedy: "name it with --base-model")
            }
            if blockWeights != nil {
                throw IsomerError(.usage, "\(method.rawValue) has no weights for blocks", remedy: "leave --block-weights away")
            }
        }
        if weights != nil, method == .addDifference || method == .slerp || blockWeights != nil || amount != nil {
            throw IsomerError(
                .usage, "weights of models and an amount cannot both be given", remedy: "say --alpha, or --weights with weighted-sum")
        }
    }

    /// Refuses a model that has other tensors than the first, and says which.
    static func refuseOtherArchitecture(
        _ other: Model, _ path: FilePath, than model: Model, _ first: FilePath
    ) throws(IsomerError) {
        let shared = model.components.keys.filter { other.components[$0] != nil }.sorted()
        guard !shared.isEmpty else {
            throw IsomerError(
                .mismatch, "the models have no component in common", path: path,
                expected: model.components.keys.sorted().joined(separator: ", "),
                found: other.components.keys.sorted().joined(separator: ", "))
        }
        var differing: [(name: String, mine: String, theirs: String)] = []
        for slot in shared {
            guard let mine = model.components[slot], let theirs = other.components[slot] else { continue }
            let left = try mine.slot.written(mine.configuration).manifest()
            let right = try theirs.slot.written(theirs.configuration).manifest()
            for entry in left.entries {
                guard let shape = right[entry.name] else {
                    differing.append(("\(slot)/\(entry.name)", "\(entry.shape)", "none"))
                    continue
                }
                let isGraft = entry.name == "conv_in.weight" && MergeAssembly.isGraft(entry.shape, shape)
                if shape != entry.shape, shape.elementCount != entry.shape.elementCount, !isGraft {
                    differing.append(("\(slot)/\(entry.name)", "\(entry.shape)", "\(shape)"))
                }
            }
            for entry in right.entries where left[entry.name] == nil {
                differing.append(("\(slot)/\(entry.name)", "none", "\(entry.shape)"))
            }
        }
        guard let example = differing.first else { return }
        let what =
            model.family == other.family
            ? "the models are built differently"
            : "the models are of different architectures, \(model.family.title) and \(other.family.title)"
        let names = differing.prefix(4).map { "\($0.name) \($0.mine) and \($0.theirs)" }.joined(separator: ", ")
        let isWider = example.name.hasSuffix("conv_in.weight") && differing.count == 1
        let count = differing.count == 1 ? "1 tensor differs" : "\(differing.count) tensors differ"
        throw IsomerError(
            .mismatch, "\(what): \(count): \(names)\(differing.count > 4 ? ", …" : "")", path: path,
            remedy: isWider
                ? "put the model with more input channels first" : "merge models of one architecture; `isomer inspect` tells which each is")
    }
}

extension Model {
    /// The model with adapters added in this order; sums are made as they are read.
    ///
    /// Throws `mismatch` if one does not fit the model.
    public func adding(_ adapters: [ModelMerge.AddedAdapter], _ request: ConversionRequest) throws(IsomerError) -> Model {
        guard !adapters.isEmpty else { return self }
        var merge = ModelMerge([])
        merge.adapters = adapters
        return try merge.added(to: self, request)
    }

    /// Takes merged tensors for its own.
    fileprivate mutating func take(_ assembly: MergeAssembly) {
        let number = sources.count
        sources.append(ConversionPlan.Source("merged", assembly.merged, files: []))
        for (index, place) in assembly.places.enumerated() {
            components[place.slot]?.tensors[place.name] =
                TensorExpression(TensorReference(source: number, index: index), assembly.merged.tensors[index])
        }
        notes += assembly.notes
        decisions += assembly.decisions
    }
}
