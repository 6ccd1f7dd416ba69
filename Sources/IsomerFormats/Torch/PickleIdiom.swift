/// Calls and states that mean more, or less, than the name of what is called or changed tells.
enum PickleIdiom {
    /// Whether calls of the name make data if their arguments are the right ones.
    static func mayBegin(_ global: PickleGraph.Global) -> Bool {
        global.module == "builtins" && (global.name == "type" || global.name == "getattr")
    }

    /// Whether a call of what is otherwise dangerous is one that Python itself writes for data.
    ///
    /// Reference: CPython 3.13 `Lib/pickle.py`, `save_type`: the types of the three constants are called for. `Lib/zoneinfo`, `__reduce__`.
    static func makesData(_ global: PickleGraph.Global, _ arguments: ArraySlice<UInt32>, _ graph: PickleGraph) -> Bool {
        guard mayBegin(global) else { return false }
        if isUnpickler(global, arguments, graph) { return true }
        guard global.name == "type", arguments.count == 1, let argument = arguments.first else { return false }
        switch graph.nodes[Int(argument)] {
        case .none: return true
        case .global(let index):
            let constant = graph.globals[Int(index)]
            return constant.module == "builtins" && (constant.name == "Ellipsis" || constant.name == "NotImplemented")
        default: return false
        }
    }

    /// `getattr(zoneinfo.ZoneInfo, '_unpickle')`, by which time zones come back.
    static func isUnpickler(_ global: PickleGraph.Global, _ arguments: ArraySlice<UInt32>, _ graph: PickleGraph) -> Bool {
        guard global == PickleGraph.Global(module: "builtins", name: "getattr"), arguments.count == 2, let first = arguments.first,
            case .global(let index) = graph.nodes[Int(first)],
            case .string("_unpickle") = graph.nodes[Int(arguments[arguments.startIndex + 1])]
        else { return false }
        return graph.globals[Int(index)] == PickleGraph.Global(module: "zoneinfo", name: "ZoneInfo")
    }

    /// Whether a class of data takes its state with code of its own that calls methods of what stands in it.
    ///
    /// References: PyTorch 2.13 `torch/optim`, `torch/nn/parallel/distributed.py`, OmegaConf 2.3 `dictconfig.py`, each `__setstate__`.
    static func callsItsState(_ type: PickleGraph.Global) -> Bool {
        ["torch.optim.", "torch.nn.parallel.", "omegaconf."].contains(where: type.module.hasPrefix)
            && !type.module.hasSuffix("lr_scheduler")
    }

    /// What unpicklers call on an object by name, so that an attribute of that name is called in its place.
    ///
    /// Reference: CPython 3.13 `Modules/_pickle.c`, `load_build`, `do_append`, `load_additems`.
    private static let calledNames: Set<String> = ["__setstate__", "__class__", "append", "extend", "add"]

    /// An attribute in the state of an object that an unpickler will call, as far as its value can be called.
    static func method(in state: PickleReference, _ graph: PickleGraph) -> (name: String, value: PickleReference)? {
        // A pair is a dictionary of attributes and one of slots.
        let parts = graph.tuple(state)
        for part in parts.count == 2 ? Array(parts) : [state.index] {
            let entries: [UInt32]
            switch graph.nodes[Int(part)] {
            case .dictionary(let list): entries = graph.lists[Int(list)]
            case .object(let object): entries = graph.objects[Int(object)].details.map { graph.details[Int($0)].entries } ?? []
            default: continue
            }
            for place in stride(from: 0, to: entries.count - 1, by: 2) {
                guard case .string(let name) = graph.nodes[Int(entries[place])], calledNames.contains(name) else { continue }
                let value = PickleReference(index: entries[place + 1])
                if canBeCalled(value, name, graph) { return (name, value) }
            }
        }
        return nil
    }

    private static func canBeCalled(_ value: PickleReference, _ name: String, _ graph: PickleGraph) -> Bool {
        switch graph.node(value) {
        case .global, .persistent: return true
        case .object(let index):
            // An option `--add PATH` is an attribute `add` with a path for its value.
            if name.hasPrefix("__") { return true }
            guard let type = graph.className(of: PickleReference(index: graph.objects[Int(index)].callable)) else { return true }
            return TorchGlobal(type) != .inertData && TorchGlobal(type) != .builder || type.module.hasPrefix("torch.nn.modules")
        default: return false
        }
    }

    /// Whether a state makes a NumPy type deny that it holds objects: bytes would then be taken for addresses of objects.
    ///
    /// Reference: NumPy 2.4 `numpy/_core/src/multiarray/descriptor.c`, `arraydescr_setstate`: flags are taken as they come.
    static func isForgedType(_ target: PickleReference, _ state: PickleReference, _ graph: PickleGraph) -> Bool {
        guard case .object(let index) = graph.node(target), isType(graph.objects[Int(index)], graph) else { return false }
        let object = graph.objects[Int(index)]
        let items = Array(graph.tuple(state))
        guard items.count >= 8, case .integer(let flags) = graph.nodes[Int(items[7])] else { return false }
        return flags & 1 == 0 && (isOfObjects(object, graph) || holdsObjects(items, graph))
    }

    private static func isType(_ object: PickleGraph.Object, _ graph: PickleGraph) -> Bool {
        guard case .global(let callable) = graph.nodes[Int(object.callable)] else { return false }
        return graph.globals[Int(callable)] == PickleGraph.Global(module: "numpy", name: "dtype")
    }

    /// Whether the code that a type is made from is that of objects.
    private static func isOfObjects(_ object: PickleGraph.Object, _ graph: PickleGraph) -> Bool {
        guard let code = graph.tuple(PickleReference(index: object.arguments)).first else { return false }
        switch graph.nodes[Int(code)] {
        case .string(let text): return text.drop { "|<>=".contains($0) }.first.map { $0 == "O" || $0 == "o" } ?? false
        case .global(let index): return ["object", "object_"].contains(graph.globals[Int(index)].name)
        default: return false
        }
    }

    /// Whether a type that is a part of one with this state holds objects: the one that a block repeats, or that of a field.
    private static func holdsObjects(_ items: [UInt32], _ graph: PickleGraph) -> Bool {
        var parts = Array(graph.tuple(PickleReference(index: items[2])).prefix(1))
        if case .dictionary(let list) = graph.nodes[Int(items[4])] {
            let entries = graph.lists[Int(list)]
            for place in stride(from: 1, to: entries.count, by: 2) {
                parts += graph.tuple(PickleReference(index: entries[place])).prefix(1)
            }
        }
        return parts.contains { part in
            guard case .object(let index) = graph.nodes[Int(part)], isType(graph.objects[Int(index)], graph) else { return false }
            let object = graph.objects[Int(index)]
            if isOfObjects(object, graph) { return true }
            guard let state = object.details.flatMap({ graph.details[Int($0)].state }) else { return false }
            let items = graph.tuple(PickleReference(index: state))
            guard items.count >= 8, case .integer(let flags) = graph.nodes[Int(items[items.startIndex + 7])] else { return false }
            return flags & 1 != 0
        }
    }
}

/// Finds names that nobody knows in what a known callable is given, however deep: it may call them, or what holds them.
///
/// Most files have no such name, and then nothing is looked through.
struct UnknownNames {
    private var isAny = false
    /// Values that may still be looked at, in all calls together.
    private var budget = 500_000

    mutating func note(_ global: PickleGraph.Global) {
        if !isAny, CallableRisk.isUnknown(global) { isAny = true }
    }

    /// An unknown name below the values; a name of its own when there is more below them than is looked at.
    mutating func reached(from roots: [PickleReference], _ graph: PickleGraph) -> PickleGraph.Global? {
        guard isAny else { return nil }
        var pending = roots.map(\.index)
        var seen: Set<UInt32> = []
        while let index = pending.popLast() {
            switch graph.nodes[Int(index)] {
            case .global(let global):
                if CallableRisk.isUnknown(graph.globals[Int(global)]) { return graph.globals[Int(global)] }
            // Storages, and classes of old checkpoints, which are judged where they are called.
            case .persistent: break
            case .tuple, .list, .dictionary, .set, .frozenSet, .object:
                guard seen.insert(index).inserted else { break }
                guard budget > 0 else { return PickleGraph.Global(module: "something", name: "deeper than is looked") }
                let before = pending.count
                graph.forEachChild(of: index) { pending.append($0) }
                // What was called has been judged by itself.
                if case .object(let object) = graph.nodes[Int(index)], before < pending.count,
                    case .global = graph.nodes[Int(graph.objects[Int(object)].callable)]
                {
                    pending.remove(at: before)
                }
                budget -= pending.count - before + 1
            default: break
            }
        }
        return nil
    }
}
