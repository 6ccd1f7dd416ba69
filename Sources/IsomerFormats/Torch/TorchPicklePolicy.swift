internal import IsomerBytes

/// Stops a pickle at the first thing that would run code if Python loaded it.
///
/// What may be called or given a state: the functions that build tensors, and classes of plain data that checkpoints are known to carry.
/// A name that nobody knows may stand as a value (Lightning keys its callbacks by class), but nothing may be done with it.
final class TorchPicklePolicy: PickleObserver {
    /// Names that were met and are not understood, in order, with the offset of the first meeting.
    private(set) var opaqueGlobals: [(global: PickleGraph.Global, isCalled: Bool)] = []
    private var noted: Set<PickleGraph.Global> = []
    private var unknown = UnknownNames()

    func observe(_ event: PickleEvent, by opcode: PickleOpcode, at offset: Int, in graph: PickleGraph) throws(IsomerError) {
        switch event {
        case .global(let global):
            if TorchGlobal(global) == .forbidden, !PickleIdiom.mayBegin(global) { throw refusal("names", global, found: nil) }
            if TorchGlobal(global) == .unknown { note(global, isCalled: false) }
            unknown.note(global)
        case .call(let callable, let arguments, let keywords):
            try judgeCall(callable, arguments, keywords, graph)
        case .build(let target, let state):
            try judgeChange(of: target, verb: "would give a state to", graph)
            try judge(state, of: target, graph)
        case .extend(let target, _): try judgeChange(of: target, verb: "would put items into", graph)
        case .persistent: if opcode == .persistentText { throw refusedOpcode(opcode, "a persistent identifier in text form") }
        case .registered(let code): throw refusedOpcode(opcode, "number \(code) of a registry that only the writer knows")
        case .buffer: throw refusedOpcode(opcode, "bytes outside the file")
        case .computedGlobal: throw refusedOpcode(opcode, "a name that is computed while loading")
        case .irregularity(let error): throw error
        }
    }

    private func note(_ global: PickleGraph.Global, isCalled: Bool) {
        if noted.insert(global).inserted { opaqueGlobals.append((global, isCalled)) }
    }

    private func judgeCall(
        _ callable: PickleReference, _ arguments: PickleReference, _ keywords: PickleReference?, _ graph: PickleGraph
    ) throws(IsomerError) {
        guard let global = graph.className(of: callable) else {
            throw IsomerError(
                .unsafe, "loading this file in Python would call the result of another call", found: graph.text(of: callable),
                remedy: TorchPicklePolicy.remedy)
        }
        switch TorchGlobal(global) {
        case .builder, .descriptor: break
        case .inertData: note(global, isCalled: true)
        case .unknown, .forbidden:
            if PickleIdiom.makesData(global, graph.tuple(arguments), graph) { return }
            throw refusal("would call", global, found: graph.text(ofCall: global, arguments))
        }
        if let inner = unknown.reached(from: [arguments] + (keywords.map { [$0] } ?? []), graph) {
            throw refusal("would hand to \(global.module).\(global.name)", inner, found: graph.text(ofCall: global, arguments))
        }
        guard TorchPicklePolicy.argumentsAreHarmless(global, arguments, keywords, graph) else {
            throw refusal("would call", global, found: graph.text(ofCall: global, arguments))
        }
    }

    private func judgeChange(of target: PickleReference, verb: String, _ graph: PickleGraph) throws(IsomerError) {
        guard case .object(let index) = graph.node(target) else {
            throw IsomerError(
                .unsafe, "loading this file in Python \(verb) something that is not an object", found: graph.text(of: target),
                remedy: TorchPicklePolicy.remedy)
        }
        let callable = PickleReference(index: graph.objects[Int(index)].callable)
        guard let global = graph.className(of: callable) else { return }
        switch TorchGlobal(global) {
        case .inertData: break
        // Parameters and variables of old were given their flags this way; a tensor's state could exchange its bytes.
        case .builder where global.name == "Parameter" || global.name == "Variable" || global.name == "Buffer": break
        default: throw refusal(verb, global, found: graph.text(of: target))
        }
    }

    private func judge(_ state: PickleReference, of target: PickleReference, _ graph: PickleGraph) throws(IsomerError) {
        if let type = graph.type(of: target), PickleIdiom.callsItsState(type), let inner = unknown.reached(from: [state], graph) {
            throw refusal("would hand to \(type.module).\(type.name)", inner, found: graph.text(of: state))
        }
        if let method = PickleIdiom.method(in: state, graph) {
            throw IsomerError(
                .unsafe, "loading this file in Python would make a name that it brings along the method \(method.name) of an object",
                found: graph.text(of: method.value), remedy: TorchPicklePolicy.remedy)
        }
        if PickleIdiom.isForgedType(target, state, graph) {
            throw IsomerError(
                .unsafe, "loading this file in Python would make a NumPy type that hides its objects, so that bytes become addresses",
                found: graph.text(of: state), remedy: TorchPicklePolicy.remedy)
        }
    }

    /// Callables that run what they are given need a look at their arguments. No pickler gives known ones any by name.
    static func argumentsAreHarmless(
        _ global: PickleGraph.Global, _ arguments: PickleReference, _ keywords: PickleReference?, _ graph: PickleGraph
    ) -> Bool {
        if let keywords {
            guard case .dictionary(let index) = graph.node(keywords), graph.lists[Int(index)].isEmpty else { return false }
        }
        return argumentsAreHarmless(global, graph.tuple(arguments), graph)
    }

    private static func argumentsAreHarmless(_ global: PickleGraph.Global, _ arguments: ArraySlice<UInt32>, _ graph: PickleGraph) -> Bool {
        let references = arguments.map { PickleReference(index: $0) }
        // A name handed to a known callable must itself be known.
        for reference in references {
            if let named = graph.className(of: reference), TorchGlobal(named) == .unknown || TorchGlobal(named) == .forbidden {
                return false
            }
        }
        switch (global.module, global.name) {
        case ("_codecs", "encode"):
            guard references.count == 2, case .string = graph.node(references[0]), case .string(let codec) = graph.node(references[1])
            else {
                return false
            }
            return codec == "latin1" || codec == "latin-1"
        case ("torch._tensor", "_rebuild_from_type_v2"), ("torch.tensor", "_rebuild_from_type_v2"):
            guard let function = references.first.flatMap({ graph.className(of: $0) }) else { return false }
            if function == PickleGraph.Global(module: "torch.nested._internal.nested_tensor", name: "_rebuild_njt") { return true }
            return TorchGlobal(function) == .builder && function.name != "_rebuild_from_type_v2"
        case ("copyreg", "_reconstructor"), ("copyreg", "__newobj__"), ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"), ("numpy.core._internal", "_reconstruct"):
            guard let type = references.first.flatMap({ graph.className(of: $0) }) else { return false }
            // Its own arguments follow; one that is such a call itself would be judged by nobody.
            if global.name == "__newobj__", type.module != "copyreg" {
                return TorchGlobal(type) == .inertData && argumentsAreHarmless(type, arguments.dropFirst(), graph)
            }
            return TorchGlobal(type) == .inertData
        // NumPy pickles arrays otherwise. A type of objects would be laid over whatever bytes are given.
        case ("numpy", "ndarray"), ("numpy", "matrix"), ("numpy", "recarray"), ("numpy.rec", "recarray"),
            ("numpy.core.records", "recarray"),
            ("numpy.matrixlib.defmatrix", "matrix"), ("numpy.char", "chararray"), ("numpy.ma", "MaskedArray"),
            ("numpy.ma.core", "MaskedArray"):
            return references.count <= 1
        case ("collections", "defaultdict"):
            guard let factory = references.first else { return true }
            if case .none = graph.node(factory) { return true }
            return graph.className(of: factory).map { TorchGlobal($0) == .inertData } ?? false
        default: return true
        }
    }

    static let remedy = "do not load this file with Python; `isomer scan` lists everything it would run"

    private func refusal(_ verb: String, _ global: PickleGraph.Global, found: String?) -> IsomerError {
        IsomerError(
            .unsafe, "loading this file in Python \(verb) \(global.module).\(global.name), which no checkpoint needs", found: found,
            remedy: TorchPicklePolicy.remedy)
    }

    private func refusedOpcode(_ opcode: PickleOpcode, _ what: String) -> IsomerError {
        IsomerError(.unsafe, "the pickle's \(opcode.name) asks for \(what), which no checkpoint does", remedy: TorchPicklePolicy.remedy)
    }
}

extension PickleGraph {
    /// The name behind a class or function: imported, or handed over by a legacy checkpoint as `('module', class, file, source)`.
    func className(of reference: PickleReference) -> Global? {
        switch node(reference) {
        case .global(let index): return globals[Int(index)]
        case .persistent(let identifier):
            let items = tuple(PickleReference(index: identifier))
            guard let first = items.first, items.count >= 2 else { return nil }
            if case .global(let index) = nodes[Int(first)] { return globals[Int(index)] }
            if case .string("module") = nodes[Int(first)], case .global(let index) = nodes[Int(items[items.startIndex + 1])] {
                return globals[Int(index)]
            }
            return nil
        // The one method that a class of data is unpickled by.
        case .object(let index):
            let object = objects[Int(index)]
            guard case .global(let callable) = nodes[Int(object.callable)],
                PickleIdiom.isUnpickler(globals[Int(callable)], tuple(PickleReference(index: object.arguments)), self)
            else { return nil }
            return Global(module: "zoneinfo", name: "ZoneInfo._unpickle")
        default: return nil
        }
    }

    /// The class of an object.
    func type(of target: PickleReference) -> Global? {
        guard case .object(let index) = node(target) else { return nil }
        return className(of: PickleReference(index: objects[Int(index)].callable))
    }

    /// The elements of a tuple; nothing for anything else.
    func tuple(_ reference: PickleReference) -> ArraySlice<UInt32> {
        guard case .tuple(let start, let count) = node(reference) else { return [] }
        return tupleItems[Int(start)..<Int(start) + Int(count)]
    }
}
