internal import IsomerBytes

/// Writes down what a pickle would do, and lets it go on.
final class PickleWatcher: PickleObserver {
    /// What was seen, in order.
    private(set) var findings: [ScanFinding] = []
    /// Whether the stream has done what a stream of arbitrary bytes does not do by chance.
    private(set) var isEvidentPickle = false
    private let origin: UInt64
    /// Findings by what they say, so that a million tensors are one line.
    private var places: [Key: Int] = [:]
    /// Names that are not called so far.
    private var named: [PickleGraph.Global: (opcode: PickleOpcode, offset: Int, order: Int)] = [:]
    private var called: Set<PickleGraph.Global> = []
    private var namedOrder = 0
    /// Calls that only make data, by what is called: almost all there are.
    private var harmless: [PickleGraph.Global: Int] = [:]
    private var risks: [PickleGraph.Global: CallableRisk] = [:]

    private struct Key: Hashable {
        let act: ScanFinding.Act
        let callable: String
        let arguments: String?
    }

    /// Enough for a report. What is worse than all that is kept is always kept.
    private static let capacity = 2_000

    /// Whether pickles in the stream's own strings are looked at by themselves.
    private let looksInside: Bool
    /// Whether the stream begins with its protocol's number, which text does not.
    private let statesProtocol: Bool
    private var unknown = UnknownNames()
    /// NumPy's types that were given a state: what they hold may be given one after them.
    private var types: [(target: PickleReference, opcode: PickleOpcode, offset: Int)] = []

    /// - Parameters:
    ///   - origin: where the stream begins.
    ///   - looksInside: whether pickles in its strings are looked at by themselves.
    ///   - statesProtocol: whether the stream begins with its protocol's number.
    init(origin: UInt64, looksInside: Bool = false, statesProtocol: Bool = false) {
        self.origin = origin
        self.looksInside = looksInside
        self.statesProtocol = statesProtocol
    }

    func observe(_ event: PickleEvent, by opcode: PickleOpcode, at offset: Int, in graph: PickleGraph) throws(IsomerError) {
        switch event {
        case .global(let global): name(global, opcode, offset)
        case .call(let callable, let arguments, let keywords): call(callable, arguments, keywords, opcode, offset, graph)
        case .build(let target, let state):
            judge(state, of: target, opcode, offset, graph)
            change(target, by: state, opcode, offset, graph)
        case .extend(let target, _): change(target, by: nil, opcode, offset, graph)
        case .persistent(let identifier): persistent(identifier, opcode, offset, graph)
        case .registered(let code):
            add(.named, "extension \(code)", .suspicious, "is a number that only the loader's registry knows", nil, opcode, offset)
        case .buffer: add(.other, "a buffer", .suspicious, "asks for bytes outside the file", nil, opcode, offset)
        case .computedGlobal(let module, let name):
            isEvidentPickle = true
            let text = graph.text(of: module) + ", " + graph.text(of: name)
            add(.named, "a computed name", .dangerous, "imports what is decided only while loading", text, opcode, offset)
        case .irregularity(let error):
            add(.other, "an irregularity", .suspicious, error.what, error.found, opcode, offset)
        }
    }

    /// Everything, in the order of the bytes: what was named without being called comes in here.
    func finish(_ graph: PickleGraph) -> [ScanFinding] {
        for type in types {
            guard case .object(let index) = graph.node(type.target), let details = graph.objects[Int(index)].details,
                let state = graph.details[Int(details)].state.map(PickleReference.init)
            else { continue }
            judgeType(type.target, state, type.opcode, type.offset, graph)
        }
        types = []
        for (global, place) in named.sorted(by: { $0.value.order < $1.value.order }) where !called.contains(global) {
            let risk = CallableRisk(global, isCalled: false)
            add(.named, PickleWatcher.text(global), risk.verdict, risk.reason, nil, place.opcode, place.offset)
        }
        named = [:]
        return findings.sorted { $0.byteOffset < $1.byteOffset }
    }

    private static func text(_ global: PickleGraph.Global) -> String { global.module + "." + global.name }

    private func name(_ global: PickleGraph.Global, _ opcode: PickleOpcode, _ offset: Int) {
        if named[global] == nil, named.count < PickleWatcher.capacity || CallableRisk(global, isCalled: false).verdict == .dangerous {
            named[global] = (opcode, offset, namedOrder)
            namedOrder += 1
        }
        unknown.note(global)
        guard !isEvidentPickle, PickleWatcher.isDottedName(global.module), PickleWatcher.isDottedName(global.name) else { return }
        // Text files that begin with a `c` are not rare; such names are, and so is a text behind a protocol's number.
        let isTold = statesProtocol && (global.module + global.name).utf8.allSatisfy { $0 < 0x80 }
        isEvidentPickle = isTold || CallableRisk(global, isCalled: false).verdict == .dangerous || TorchGlobal(global) != .unknown
    }

    private static func isDottedName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 >= 0x80 || $0 == 0x2E || $0 == 0x5F || 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0
            }
    }

    private func call(
        _ callable: PickleReference, _ arguments: PickleReference, _ keywords: PickleReference?, _ opcode: PickleOpcode, _ offset: Int,
        _ graph: PickleGraph
    ) {
        if let global = graph.className(of: callable), let place = harmless[global], case .global = graph.node(callable),
            TorchPicklePolicy.argumentsAreHarmless(global, arguments, keywords, graph),
            unknown.reached(from: [arguments] + (keywords.map { [$0] } ?? []), graph) == nil
        {
            findings[place].count += 1
            return
        }
        var text = graph.text(of: arguments, limit: 200)
        if let keywords, !graph.isEmptyDictionary(keywords) { text += ", " + graph.text(of: keywords, limit: 100) }
        guard let global = graph.className(of: callable) else {
            return add(
                .called, "the result of " + graph.text(of: callable, limit: 120), .suspicious, "calls what another call returned", text,
                opcode,
                offset)
        }
        if !isEvidentPickle {
            isEvidentPickle = PickleWatcher.isDottedName(global.module) && PickleWatcher.isDottedName(global.name)
        }
        called.insert(global)
        var risk = self.risk(of: global)
        if risk.verdict == .dangerous, looksInside, PickleWatcher.loadsItsOwnBytes(global, graph.tuple(arguments), graph) {
            risk = CallableRisk(verdict: .safe, reason: "loads a file that stands in the pickle, which is looked at by itself")
        }
        if risk.verdict == .dangerous, PickleIdiom.makesData(global, graph.tuple(arguments), graph) {
            risk = CallableRisk(verdict: .safe, reason: "makes data")
        } else if risk.verdict == .safe, !TorchPicklePolicy.argumentsAreHarmless(global, arguments, keywords, graph) {
            risk = judgeArguments(arguments, graph)
        }
        if risk.verdict == .safe, let inner = unknown.reached(from: [arguments] + (keywords.map { [$0] } ?? []), graph) {
            risk = CallableRisk(verdict: .suspicious, reason: "is given \(PickleWatcher.text(inner)), and nobody knows what that does")
        }
        // What makes data is told once, without its arguments.
        add(.called, PickleWatcher.text(global), risk.verdict, risk.reason, risk.verdict == .safe ? nil : text, opcode, offset)
        if risk.verdict == .safe, self.risk(of: global).verdict == .safe {
            harmless[global] = places[Key(act: .called, callable: PickleWatcher.text(global), arguments: nil)]
        }
    }

    /// Tensors that are pickled without `torch.save` bring a whole checkpoint along as bytes.
    ///
    /// Reference: PyTorch 2.13 `torch/storage.py`, `TypedStorage.__reduce__`.
    private static func loadsItsOwnBytes(_ global: PickleGraph.Global, _ arguments: ArraySlice<UInt32>, _ graph: PickleGraph) -> Bool {
        guard global.module == "torch.storage", global.name == "_load_from_bytes", arguments.count == 1, let argument = arguments.first,
            let bytes = graph.literalBytes(PickleReference(index: argument))
        else { return false }
        let prefix = Array(bytes.prefix(FileFormat.prefixByteCount))
        return [.zip, .torchLegacy].contains(FileFormat(prefix: prefix))
    }

    private func risk(of global: PickleGraph.Global) -> CallableRisk {
        if let known = risks[global] { return known }
        let risk = CallableRisk(global, isCalled: true)
        if risks.count < PickleWatcher.capacity { risks[global] = risk }
        return risk
    }

    /// A known callable that is given something to run, or something else that is not data.
    private func judgeArguments(_ arguments: PickleReference, _ graph: PickleGraph) -> CallableRisk {
        for index in graph.tuple(arguments) {
            guard let inner = graph.className(of: PickleReference(index: index)) else { continue }
            let risk = CallableRisk(inner, isCalled: true)
            if risk.verdict == .dangerous {
                return CallableRisk(verdict: .dangerous, reason: "calls \(PickleWatcher.text(inner)), which it is given")
            }
        }
        return CallableRisk(verdict: .suspicious, reason: "is given something other than data")
    }

    private func change(_ target: PickleReference, by state: PickleReference?, _ opcode: PickleOpcode, _ offset: Int, _ graph: PickleGraph)
    {
        let text = state.map { graph.text(of: $0, limit: 200) }
        switch graph.node(target) {
        case .object(let index):
            guard let global = graph.className(of: PickleReference(index: graph.objects[Int(index)].callable)) else {
                return add(
                    .changed, graph.text(of: target, limit: 120), .suspicious, "gives a state to what another call returned", text, opcode,
                    offset)
            }
            let risk = self.risk(of: global)
            if risk.verdict != .safe { add(.changed, PickleWatcher.text(global), risk.verdict, risk.reason, text, opcode, offset) }
        case .persistent(let identifier) where graph.className(of: target) == nil:
            let name = graph.text(of: PickleReference(index: identifier), limit: 120)
            add(.changed, name, .suspicious, "changes something outside the pickle", text, opcode, offset)
        default:
            if let global = graph.className(of: target), PickleWatcher.isDottedName(global.module) { isEvidentPickle = true }
            let name = graph.className(of: target).map(PickleWatcher.text) ?? graph.text(of: target, limit: 120)
            add(.changed, name, .dangerous, "changes what it imported, for the whole program", text, opcode, offset)
        }
    }

    private func judge(
        _ state: PickleReference, of target: PickleReference, _ opcode: PickleOpcode, _ offset: Int, _ graph: PickleGraph
    ) {
        if let method = PickleIdiom.method(in: state, graph) {
            let name = graph.className(of: method.value).map(PickleWatcher.text) ?? graph.text(of: method.value, limit: 120)
            add(.changed, name, .dangerous, "becomes the method \(method.name) of an object, which loading calls", nil, opcode, offset)
        }
        guard case .object(let index) = graph.node(target), let type = graph.type(of: target) else { return }
        if PickleIdiom.callsItsState(type), let inner = unknown.reached(from: [state], graph) {
            let reason = "is given \(PickleWatcher.text(inner)), and nobody knows what that does"
            add(.changed, PickleWatcher.text(type), .suspicious, reason, graph.text(of: state, limit: 200), opcode, offset)
        }
        guard type == PickleGraph.Global(module: "numpy", name: "dtype") else { return }
        judgeType(target, state, opcode, offset, graph)
        if graph.objects[Int(index)].details.flatMap({ graph.details[Int($0)].state }) != nil {
            add(.changed, "numpy.dtype", .suspicious, "is given a second state", graph.text(of: state), opcode, offset)
        }
        if types.count < 100_000 {
            types.append((target, opcode, offset))
        } else {
            add(.changed, "numpy.dtype", .suspicious, "is made more often than is looked at", nil, opcode, offset)
        }
    }

    private func judgeType(
        _ target: PickleReference, _ state: PickleReference, _ opcode: PickleOpcode, _ offset: Int, _ graph: PickleGraph
    ) {
        guard PickleIdiom.isForgedType(target, state, graph) else { return }
        let reason = "hides that it holds objects, so that bytes become addresses"
        add(.changed, "numpy.dtype", .dangerous, reason, graph.text(of: state, limit: 200), opcode, offset)
    }

    private func persistent(_ identifier: PickleReference, _ opcode: PickleOpcode, _ offset: Int, _ graph: PickleGraph) {
        let items = graph.tuple(identifier)
        if opcode == .persistent, let first = items.first {
            switch graph.node(PickleReference(index: first)) {
            case .string("storage"), .bytes: return
            // Its source code stands in the file. PyTorch only compares it; the class is judged by its name.
            case .string("module"): return
            // Python 2's torch wrote the class alone.
            case .global: return
            default: break
            }
        }
        let text = graph.text(of: identifier, limit: 120)
        // Version 0.1's tar archives number their storages.
        if opcode == .persistent, case .integer = graph.node(identifier) { return }
        if opcode == .persistent, case .string = graph.node(identifier) { return }
        add(.other, "a persistent identifier", .suspicious, "asks the loader for something that is not a storage", text, opcode, offset)
    }

    private func add(
        _ act: ScanFinding.Act, _ callable: String, _ verdict: ScanVerdict, _ reason: String, _ arguments: String?, _ opcode: PickleOpcode,
        _ offset: Int
    ) {
        let key = Key(act: act, callable: callable, arguments: arguments)
        if let place = places[key] {
            findings[place].count += 1
            return
        }
        guard findings.count < PickleWatcher.capacity || verdict == .dangerous && findings.count < 2 * PickleWatcher.capacity else {
            return
        }
        places[key] = findings.count
        findings.append(
            ScanFinding(
                act: act, callable: callable, verdict: verdict, reason: reason, arguments: arguments, opcode: opcode.name,
                byteOffset: origin + UInt64(offset)))
    }
}

extension PickleGraph {
    /// The bytes that a value is, also as protocols below 3 write them: `_codecs.encode(text, 'latin1')`.
    fileprivate func literalBytes(_ reference: PickleReference) -> [UInt8]? {
        switch node(reference) {
        case .bytes(let index): return byteStrings[Int(index)]
        case .object(let index):
            let object = objects[Int(index)]
            guard case .global(let callable) = node(PickleReference(index: object.callable)),
                globals[Int(callable)] == Global(module: "_codecs", name: "encode")
            else { return nil }
            let arguments = tuple(PickleReference(index: object.arguments)).map { nodes[Int($0)] }
            guard arguments.count == 2, case .string(let text) = arguments[0], case .string("latin1") = arguments[1] else { return nil }
            let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
            return bytes.count == text.unicodeScalars.count ? bytes : nil
        default: return nil
        }
    }

    fileprivate func isEmptyDictionary(_ reference: PickleReference) -> Bool {
        if case .dictionary(let index) = node(reference) { lists[Int(index)].isEmpty } else { false }
    }
}
