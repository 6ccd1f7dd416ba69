internal import IsomerBytes

/// Walks the values of a checkpoint: which hold others, under which name.
enum TorchTree {
    /// The name of a step from a value to one inside it; `nil` for steps that do not show in a path, such as from a module to its parameters.
    typealias Child = (name: String?, value: PickleValue)

    /// What lies directly inside `value`, in order.
    static func children(of value: PickleValue) -> [Child] {
        switch value.content {
        case .dictionary(let entries): return entries.map { (name(of: $0.key), $0.value) }
        case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items):
            // A list of a million numbers needs no million names.
            return items.enumerated().lazy.filter { $0.element.isContainer }.map { ("\($0.offset)", $0.element) }
        case .object(let object): return children(of: object)
        default: return []
        }
    }

    private static func children(of object: PickleObject) -> [Child] {
        var result: [Child] = pairs(object)
        result += object.entries.map { (name(of: $0.key), $0.value) }
        result += object.items.enumerated().map { ("\($0.offset)", $0.element) }
        if result.isEmpty {
            result += object.argumentItems.enumerated().lazy.filter { $0.element.isContainer }.map { ("\($0.offset)", $0.element) }
        }
        guard !isDictionaryClass(object), let state = object.state else { return result }
        // A state is the attributes, or a pair of them and the values of slots.
        let parts = state.entries != nil ? [state] : Array(state.sequence?.prefix(2).filter { $0.entries != nil } ?? [])
        for part in parts {
            for entry in part.entries.map(Array.init) ?? [] {
                let key = name(of: entry.key)
                let isTransparent = ["_parameters", "_buffers", "_modules"].contains(key)
                result.append((isTransparent ? nil : key, entry.value))
            }
        }
        return result
    }

    /// Dictionaries whose state is bookkeeping.
    static func isDictionaryClass(_ object: PickleObject) -> Bool {
        guard let global = object.global, global.module == "collections" else { return false }
        return ["OrderedDict", "defaultdict", "Counter"].contains(global.name)
    }

    /// `OrderedDict([[key, value], …])`, as Python 2 wrote it.
    private static func pairs(_ object: PickleObject) -> [Child] {
        guard isDictionaryClass(object), let list = object.argumentItems.first(where: { $0.sequence != nil })?.sequence else { return [] }
        return list.compactMap { pair in
            guard let items = pair.sequence, items.count == 2 else { return nil }
            return (name(of: items[0]), items[1])
        }
    }

    /// The entries of a dictionary or of an object that is one.
    static func entries(of value: PickleValue) -> [Child]? {
        switch value.content {
        case .dictionary: return children(of: value)
        case .object(let object):
            let isModule = object.state?.entries?["_parameters"] != nil || object.state?.entries?["_modules"] != nil
            let isDictionary = isDictionaryClass(object) || isModule || !object.entries.isEmpty || object.state?.entries != nil
            return isDictionary ? children(of: value) : nil
        default: return nil
        }
    }

    /// A key as a part of a path.
    static func name(of key: PickleValue) -> String {
        switch key.content {
        case .global(let global): return global.module + "." + global.name
        case .none: return "None"
        default: return key.scalarText ?? key.text ?? key.document.graph.text(of: key.reference)
        }
    }
}
