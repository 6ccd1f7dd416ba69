internal import IsomerBytes
internal import IsomerTensors

/// Finds all tensors of a checkpoint, and the dictionary that is the model.
struct TorchCollector {
    struct Entry {
        let descriptor: TensorDescriptor
        let view: TorchView
    }

    private(set) var interpreter: TorchInterpreter
    private(set) var chosen: [Entry] = []
    private(set) var others: [Entry] = []
    private(set) var aliases: [TorchArchive.Alias] = []
    private(set) var unconverted: [TorchArchive.Unconverted] = []
    private(set) var quantization: [String: String] = [:]
    private(set) var warnings: [String] = []
    private(set) var stateDictPath: [String]?
    private let limits: Limits

    init(_ contents: TorchContents, limits: Limits) {
        self.limits = limits
        interpreter = TorchInterpreter(contents, limits: limits)
    }

    /// Keys under which training code keeps the weights, the most telling first.
    private static let keys = [
        "state_dict", "model_state_dict", "model", "module", "network", "net", "params_ema", "params", "ema", "model_ema",
        "string_to_param",
        "weights",
    ]

    /// What stands beside the weights and is never meant.
    private static let companions = Set([
        "optimizer", "optimizers", "optimizer_states", "optimizer_state_dict", "lr_schedulers", "lr_scheduler", "scheduler", "callbacks",
        "loops",
        "amp_scaling_state", "native_amp_scaling_state", "scaler", "rng_state", "cuda_rng_state", "rng_states", "random_rng_state",
    ])

    mutating func collect(from root: PickleValue, path: [String]?) throws(IsomerError) {
        let (stateDict, keys): (PickleValue, [String])
        if let path {
            (stateDict, keys) = (try value(at: path, in: root), path)
        } else {
            (stateDict, keys) = try find(in: root)
        }
        var seen: Set<PickleReference> = []
        if keys.isEmpty {
            // The companions of a model that lies at the top are looked at afterwards.
            for child in TorchTree.entries(of: root) ?? [] where child.value.isContainer {
                if let name = child.name, TorchCollector.companions.contains(name) { seen.insert(child.value.reference) }
            }
        }
        try gather(stateDict, prefix: "", seen: &seen, asModel: true)
        if !chosen.isEmpty { stateDictPath = keys }
        noteAliases()
        var visited = seen
        if keys.isEmpty {
            for child in TorchTree.entries(of: root) ?? [] where child.value.isContainer {
                guard let name = child.name, TorchCollector.companions.contains(name) else { continue }
                visited.remove(child.value.reference)
                try gather(child.value, prefix: name, seen: &visited, asModel: false)
            }
        } else {
            try gather(root, prefix: "", seen: &visited, asModel: false)
        }
    }

    private func value(at path: [String], in root: PickleValue) throws(IsomerError) -> PickleValue {
        var current = root
        for key in path {
            guard let next = TorchTree.entries(of: current)?.last(where: { $0.name == key })?.value else {
                throw IsomerError(.usage, "there is no such key in the checkpoint", item: path.joined(separator: "."), found: key)
            }
            current = next
        }
        return current
    }

    /// Goes down from the root as long as a telling key leads on to tensors.
    private mutating func find(in root: PickleValue) throws(IsomerError) -> (PickleValue, [String]) {
        var current = root
        var path: [String] = []
        while path.count < 8, let entries = TorchTree.entries(of: current) {
            var next: (String, PickleValue)?
            for key in TorchCollector.keys {
                guard let child = entries.last(where: { $0.name == key })?.value, TorchTree.entries(of: child) != nil else { continue }
                if try holdsTensors(child) {
                    next = (key, child)
                    break
                }
            }
            guard let (key, child) = next else { break }
            path.append(key)
            current = child
        }
        return (current, path)
    }

    private mutating func holdsTensors(_ value: PickleValue) throws(IsomerError) -> Bool {
        if try interpreter.form(of: value) != nil { return false }
        var found = false
        var seen: Set<PickleReference> = []
        var interpreter = interpreter
        try TorchTree.walk(value, seen: &seen) { value, _ throws(IsomerError) in
            if found { return false }
            if try interpreter.form(of: value) != nil { found = true }
            return !found
        }
        return found
    }

    private mutating func gather(_ root: PickleValue, prefix: String, seen: inout Set<PickleReference>, asModel: Bool) throws(IsomerError) {
        var entries: [Entry] = []
        var names: Set<ExactString> = asModel ? [] : Set(others.map { ExactString($0.descriptor.name) })
        var interpreter = interpreter
        var opaque: [TorchArchive.Unconverted] = []
        var notes: [(String, String)] = []
        let limit = limits.tensors - chosen.count - others.count
        try TorchTree.walk(root, seen: &seen) { value, path throws(IsomerError) in
            guard let form = try TorchCollector.form(of: value, &interpreter, path) else { return true }
            let tail = try path()
            let isAlone = value.reference == root.reference
            var name = prefix.isEmpty ? (isAlone ? "tensor" : tail) : (isAlone ? prefix : prefix + "." + tail)
            switch form {
            case .unconvertible(let reason): opaque.append(TorchArchive.Unconverted(path: name, reason: reason))
            case .view(let view, let note):
                name = try TorchCollector.unique(name, &names, mayRename: !asModel)
                let descriptor = try TensorDescriptor(name: name, scalarType: view.scalarType, shape: view.shape)
                try TorchCollector.checkGrowth(descriptor, view, interpreter)
                entries.append(Entry(descriptor: descriptor, view: view))
                if let note { notes.append((name, note)) }
                guard entries.count <= limit else {
                    throw IsomerError(.limitExceeded, "the checkpoint has more tensors than a file may", expected: "at most \(limit)")
                }
            }
            return false
        }
        self.interpreter = interpreter
        unconverted += opaque
        for (name, note) in notes { quantization[name] = note }
        if asModel { chosen += entries } else { others += entries }
    }

    private static func form(
        of value: PickleValue, _ interpreter: inout TorchInterpreter, _ path: () throws(IsomerError) -> String
    ) throws(IsomerError) -> TorchForm? {
        do throws(IsomerError) {
            return try interpreter.form(of: value)
        } catch {
            throw error.about(try path())
        }
    }

    private static func unique(_ name: String, _ names: inout Set<ExactString>, mayRename: Bool) throws(IsomerError) -> String {
        if names.insert(ExactString(name)).inserted { return name }
        guard mayRename else { throw IsomerError(.malformed, "two tensors of the checkpoint have the same name", item: name) }
        var number = 2
        while !names.insert(ExactString("\(name)#\(number)")).inserted { number += 1 }
        return "\(name)#\(number)"
    }

    /// A stride of zero makes any number of elements out of one.
    private static func checkGrowth(_ descriptor: TensorDescriptor, _ view: TorchView, _ interpreter: TorchInterpreter) throws(IsomerError)
    {
        let stored = interpreter.storages[view.storage].byteCount
        let limits = interpreter.limits
        guard UInt64(descriptor.byteCount) > limits.archiveRatioFloor else { return }
        guard UInt64(descriptor.byteCount) / limits.archiveRatio <= stored else {
            throw IsomerError(
                .limitExceeded, "a tensor repeats its few stored bytes too often", item: descriptor.name,
                expected: "at most \(limits.archiveRatio) times \(stored) bytes", found: "\(descriptor.byteCount) bytes",
                remedy: "do not use this file: it is made to exhaust memory or disk")
        }
    }

    /// All tensors together may not be out of proportion to the file either.
    func checkTotal(fileSize: UInt64) throws(IsomerError) {
        var total: UInt64 = 0
        for entry in chosen { total = total.addingReportingOverflow(UInt64(entry.descriptor.byteCount)).partialValue }
        guard total > limits.archiveRatioFloor, total / limits.archiveRatio > fileSize else { return }
        throw IsomerError(
            .limitExceeded, "the tensors repeat their few stored bytes too often",
            expected: "at most \(limits.archiveRatio) times the file",
            found: "\(total) bytes", remedy: "do not use this file: it is made to exhaust memory or disk")
    }

    private mutating func noteAliases() {
        var first: [TorchView: Int] = [:]
        for (index, entry) in chosen.enumerated() where entry.view.shape.elementCount > 0 {
            if let original = first[entry.view] {
                aliases.append(TorchArchive.Alias(index: index, original: original))
            } else {
                first[entry.view] = index
            }
        }
    }

    /// Numbers and short texts at the top.
    static func facts(of root: PickleValue) -> FileMetadata {
        var facts = FileMetadata()
        guard root.entries != nil || root.object.map(TorchTree.isDictionaryClass) == true else { return facts }
        let all = root.entries.map(Array.init) ?? root.object.map { Array($0.entries) } ?? []
        for (key, value) in all.prefix(10_000) {
            guard let name = key.text, let text = value.scalarText, text.utf8.count <= 64 << 10 else { continue }
            facts[name] = text
        }
        return facts
    }
}
