import IsomerArchitectures
public import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

extension Model {
    /// Reads a Diffusers folder, or the folder of one component.
    public init(diffusers path: FilePath, _ request: ConversionRequest, _ hints: ConfigurationHints) throws(IsomerError) {
        let folder = try DiffusersFolder(path, limits: request.limits)
        let absences = try folder.notesOnMissing(for: request)
        var configurations: ModelFamily.Components = [:]
        for component in folder.components {
            if let network = try folder.network(of: component) { configurations[component.name] = network }
        }
        let family = try Model.family(of: configurations, folder, request)
        self.init(family: family, sources: [])
        notes += absences + Model.doubts(of: family, family.judge(configurations))
        if request.usesAverage {
            throw IsomerError(
                .mismatch, "a Diffusers folder has no averaged (EMA) weights beside its own", path: path,
                remedy: "leave --ema away, or choose among its weights with --variant")
        }
        self.folder = folder
        index = folder.index
        hasFolderIndex = folder.index != nil
        pipeline = folder.pipeline

        for component in folder.components {
            if let slot = family.slot(component.name), let name = component.className, let type = Networks.type(of: name),
                type == slot.network
            {
                let isNeeded =
                    (request.only.isEmpty || request.only.contains(slot.name)) && request.replacements[slot.name] == nil
                try reading(component, isNeeded: isNeeded) { model throws(IsomerError) in
                    try model.read(component, slot, folder, configurations[component.name], request)
                }
            } else if component.name != "scheduler" {
                try reading(component, isNeeded: false) { model throws(IsomerError) in
                    try model.readOther(component, folder, request)
                }
            }
        }
        try readExtras(path.appending(Extras.folderFileName), limits: request.limits)
        if let written = try folder.scheduler() {
            scheduler = try written.object()
            prediction = .prediction(try DiffusersFolder.prediction(written), because: "scheduler_config.json says so", flag: nil)
        }
        settle(hints, request)
    }

    private static func family(
        of configurations: ModelFamily.Components, _ folder: DiffusersFolder, _ request: ConversionRequest
    ) throws(IsomerError) -> ModelFamily {
        if let name = request.architecture {
            let family = try ModelFamily.meant(by: name)
            // The user's word stands against evidence, but weights that would have no place are not left behind on it.
            for (slot, found) in configurations.sorted(by: { $0.key < $1.key }) {
                guard let place = family.slot(slot), place.network == type(of: found) else {
                    throw IsomerError(
                        .mismatch, "\(family.title) models have no such component", path: folder.path, item: slot,
                        found: type(of: found).title, remedy: "leave --architecture away, or name the family whose model this is")
                }
            }
            return family
        }
        let accepting = ModelFamily.all.filter { $0.accepts(configurations) }
        guard let first = accepting.first, !configurations.isEmpty else {
            // Without its configuration nothing is known of a component whose class is.
            let silent = folder.components.first {
                configurations[$0.name] == nil && $0.className.flatMap(Networks.type(of:)) != nil
            }
            if let silent {
                throw IsomerError(
                    .mismatch, "the component has no config.json", path: silent.path, item: silent.className,
                    remedy: "get the folder again")
            }
            throw IsomerError(
                .unsupported, "no known architecture has such components", path: folder.path,
                found: folder.components.map { "\($0.name) (\($0.className ?? "?"))" }.joined(separator: ", "),
                remedy: "see `isomer inspect --list` for the architectures that are known")
        }
        return first
    }

    /// Reads a component with `body`. One that may not be needed is put on record with what is wrong with it, and nothing is kept of it.
    private mutating func reading(
        _ component: DiffusersFolder.Component, isNeeded: Bool, _ body: (inout Model) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        var model = self
        do throws(IsomerError) {
            try body(&model)
        } catch {
            guard !isNeeded, error.code != .interrupted else { throw error }
            unread.append((component.name, error))
            notes.append("\(component.name) cannot be read, and nothing of it is used: \(error)")
            return
        }
        self = model
    }

    /// Throws what was wrong with the first component that could not be read and that is asked for all the same.
    ///
    /// - Parameter isAsked: says it, by the component's name. By default every one is.
    public func refuseUnread(where isAsked: (String) -> Bool = { _ in true }) throws(IsomerError) {
        if let (_, error) = unread.first(where: { isAsked($0.component) }) { throw error }
    }

    /// Throws `mismatch` if the folder's index names a network whose folder is not there.
    public func refuseAbsent() throws(IsomerError) {
        guard let absent = folder?.missing.first(where: { $0.className.flatMap(Networks.type(of:)) != nil }) else { return }
        throw IsomerError(
            .mismatch, "the folder of a component that model_index.json names is missing", path: folder?.path.appending("model_index.json"),
            item: absent.name, remedy: "get the folder again")
    }

    /// `refuseUnread` for a target: a folder has all components without a slot, and so have extras; with a slot it has those that are chosen.
    func refuseUnread(forFolder isFolder: Bool, _ request: ConversionRequest) throws(IsomerError) {
        guard isFolder || request.keepsExtras else { return }
        try refuseUnread { name in family.slot(name) == nil && !request.allowedMissing.contains { $0.matches(name) } }
    }

    /// A component that the family has a slot for.
    private mutating func read(
        _ component: DiffusersFolder.Component, _ slot: Slot, _ folder: DiffusersFolder, _ given: (any NetworkConfiguration)?,
        _ request: ConversionRequest
    ) throws(IsomerError) {
        let names = try FileSystem.entries(of: component.path).map(\.string)
        let (name, decision) = try WeightFileName.choose(
            among: names, variant: try folder.variant(of: component, asked: request.variant), folder: component.path)
        if let asked = request.variant, WeightFileName.all(in: names).first(where: { $0.name == name })?.variant != asked {
            notes.append("\(component.name) has no weights of the variant \(asked); its only ones are read")
        }
        if let decision, !decisions.contains(where: { $0.subject == decision.subject && $0.value == decision.value }) {
            decisions.append(decision)
        }
        let path = component.path.appending(name)
        var source = try ConversionPlan.Source(component.name, opening: path, limits: request.limits)
        let metadata = (source.tensors as? SafetensorsReader)?.metadata
        let (mended, found) = try source.mend(request)
        // Once for all components that are alike.
        decisions += mended.filter { !decisions.contains($0) }
        notes += found
        let inventory = TensorInventory(source.tensors.tensors)
        guard let layout = Layouts.matching(slot.network, inventory) else {
            throw IsomerError(
                .mismatch, "the tensors are not those of a \(slot.network.title)", path: path,
                found: inventory.tensors.prefix(2).map(\.name).joined(separator: ", "))
        }
        do throws(IsomerError) {
            var configuration = given
            if configuration == nil { configuration = try layout.configuration(shapesOf: inventory) }
            guard let configuration else { return }
            let reading = try ComponentReading(Placement("", layout), configuration, in: inventory)
            var made = try ModelComponent(slot, reading, source: sources.count, in: source.tensors, request)
            made.written = try folder.configuration(of: component)?.object()
            made.weightMetadata = metadata
            components[slot.name] = made
            for companion in reading.companions {
                beside.append(
                    Beside(
                        TensorReference(source: sources.count, index: companion.index),
                        name: "\(slot.name)/\(inventory.tensors[companion.index].name)", companion.companion))
            }
            try refuse(reading.unexpected, of: slot, inventory, request)
        } catch {
            throw error.inFile(path)
        }
        sources.append(source)
    }

    private mutating func refuse(
        _ unexpected: [Int], of slot: Slot, _ inventory: TensorInventory, _ request: ConversionRequest
    ) throws(IsomerError) {
        var refused: [String] = []
        for index in unexpected {
            let name = inventory.tensors[index].name
            if request.keepsExtras || request.allowedUnknown.contains(where: { $0.matches(name) }) {
                beside.append(Beside(unknown: TensorReference(source: sources.count, index: index), name: "\(slot.name)/\(name)"))
            } else {
                refused.append(name)
            }
        }
        guard let first = refused.first else { return }
        throw IsomerError(
            .mismatch, "the network has no place for \(refused.count == 1 ? "a tensor" : "\(refused.count) tensors") of this file",
            item: first,
            remedy: "leave such tensors out with --allow-unknown PATTERN, or carry them along with --keep-extras")
    }

    /// A component that no checkpoint has a place for: a safety checker, a processor, a tokenizer.
    private mutating func readOther(
        _ component: DiffusersFolder.Component, _ folder: DiffusersFolder, _ request: ConversionRequest
    ) throws(IsomerError) {
        plainFiles += try folder.plainFiles(of: component)
        let names = try folder.weightFiles(of: component)
        guard !names.isEmpty else { return }
        let variant = try folder.variant(of: component, asked: request.variant)
        let (name, _) = try WeightFileName.choose(among: names, variant: variant, folder: component.path)
        var source = try ConversionPlan.Source(component.name, opening: component.path.appending(name), limits: request.limits)
        // As they are, and so is their configuration, which says how.
        source.packing = try PackedWeights(in: source.tensors).kinds
        for (index, tensor) in source.tensors.tensors.enumerated() {
            beside.append(
                Beside(
                    TensorReference(source: sources.count, index: index), name: "\(component.name)/\(tensor.name)",
                    because: "\(component.name): a checkpoint has no place for it"))
        }
        sources.append(source)
    }
}
