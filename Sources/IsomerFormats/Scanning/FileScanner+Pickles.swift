internal import IsomerBytes

extension FileScanner {
    /// Looks at the pickles that begin at the source's start, one behind the other.
    ///
    /// Where a pickle is not expected, only what can hardly be anything else counts: something that is called, or named and known, or a
    /// stream that states its protocol and comes to its end.
    /// - Parameter tellsOfRest: whether bytes behind the last pickle that are none are remarkable.
    mutating func scanPickles(_ source: ScanSource, _ members: [String], _ role: Role, tellsOfRest: Bool) throws(IsomerError) {
        var offset: UInt64 = 0
        var expected = role == .pickle ? 1 : 0
        var count = 0
        var isLegacy = false
        let before = streams.count
        var isEvident = role == .pickle
        while offset < source.count, count < 100_000 {
            let rest = offset == 0 ? source : source.part(from: offset)
            guard let end = try scanPickle(rest, members, isExpected: expected > 0, isFirst: count == 0, &isLegacy, &isEvident) else {
                break
            }
            count += 1
            // The old checkpoints: magic number, protocol, system, object, keys of the storages that follow.
            expected = isLegacy && count == 1 ? 4 : expected - 1
            offset += end
        }
        if count == 100_000 {
            remark(.suspicious, "there are more pickles behind each other than are looked at" + FileScanner.place(members))
        }
        // A few bytes that end well by chance are none, unless a pickle follows.
        if !isEvident { streams.replaceSubrange(before..., with: streams[before...].filter { $0.members != members }) }
        if tellsOfRest, !isLegacy, count > 0, offset < source.count {
            let text = "\(source.count - offset) bytes follow the end of the pickle at byte \(source.origin + offset)"
            remark(.suspicious, text + FileScanner.place(members))
        }
    }

    /// Looks at one pickle. Returns its length, or `nil` if it does not come to an end or is none.
    private mutating func scanPickle(
        _ source: ScanSource, _ members: [String], isExpected: Bool, isFirst: Bool, _ isLegacy: inout Bool,
        _ isEvident: inout Bool
    ) throws(IsomerError) -> UInt64? {
        let start = try source.bytes(at: 0, atMost: 2)
        let statesProtocol = start.count == 2 && start[0] == PickleOpcode.protocolVersion.rawValue && start[1] <= 5
        let watcher = PickleWatcher(
            origin: source.origin, looksInside: members.count < FileScanner.depthLimit, statesProtocol: statesProtocol)
        var limits = limits
        limits.pickleValues = min(limits.pickleValues, 20_000_000)
        var machine = PickleMachine(source.pickleInput(limit: limits.pickleBytes), limits: limits, observer: watcher, isTolerant: true)
        var problem: IsomerError?
        do throws(IsomerError) {
            _ = try machine.runToStop()
        } catch {
            if error.code == .interrupted { throw error }
            problem = error
        }
        let endsWell = problem == nil && (statesProtocol || machine.decoder.input.isAtEnd)
        if watcher.isEvidentPickle || endsWell { isEvident = true }
        guard isExpected || watcher.isEvidentPickle || problem == nil else { return nil }
        var findings = watcher.finish(machine.graph)
        if let frame = machine.decoder.frameProblem, problem == nil || watcher.isEvidentPickle {
            findings.append(
                ScanFinding(
                    act: .other, callable: "an irregularity", verdict: .suspicious, reason: frame.what, arguments: frame.found,
                    opcode: PickleOpcode.frame.name, byteOffset: frame.location.byteOffset ?? source.origin))
        }
        var verdict = findings.map(\.verdict).max() ?? .safe
        // A payload may wait behind more instructions than anybody wants to count.
        if let problem { verdict = max(verdict, problem.code == .limitExceeded ? .suspicious : .unreadable) }
        add(
            ScannedStream(
                members: members, byteOffset: source.origin, isInFile: source.isInFile, kind: "pickle", verdict: verdict,
                findings: findings,
                problem: problem))
        if isFirst, problem == nil, let last = machine.stack.last, case .largeInteger(let index) = machine.graph.node(last) {
            isLegacy = machine.graph.byteStrings[Int(index)] == TorchContents.legacyMagic
        }
        try scanNested(machine.graph, members)
        return problem == nil ? UInt64(machine.decoder.input.position) : nil
    }

    /// Pickles and archives in the strings of a pickle: `pickle.loads` and its like take them from there.
    private mutating func scanNested(_ graph: PickleGraph, _ members: [String]) throws(IsomerError) {
        guard members.count < FileScanner.depthLimit else {
            if graph.byteStrings.contains(where: FileScanner.mayHoldPickle) {
                remark(.suspicious, "pickles may lie within pickles deeper than is looked")
            }
            return
        }
        for bytes in graph.byteStrings where FileScanner.mayHoldPickle(bytes) {
            try scan(ScanSource(bytes), members + ["(bytes in the pickle)"], .anything)
        }
        for case .string(let text) in graph.nodes where FileScanner.mayHoldPickle(text) {
            // Protocols below 3 have no bytes and write them as text.
            var bytes: [UInt8] = []
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { break }
                bytes.append(byte)
            }
            try scan(ScanSource(bytes), members + ["(text in the pickle)"], .anything)
        }
    }

    private static func mayHoldPickle(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 4 else { return false }
        // Without a header nothing imports that has no line feed or, from protocol 4 on, no STACK_GLOBAL.
        return [0x80, 0x50, 0x1F, 0x37, 0x52, 0x93].contains(bytes[0]) || FileScanner.mayBeZlib(bytes[...])
            || PickleOpcode(rawValue: bytes[0]) != nil && (bytes.contains(0x0A) || bytes.contains(0x93))
    }

    private static func mayHoldPickle(_ text: String) -> Bool {
        guard text.utf8.count >= 4, let first = text.unicodeScalars.first else { return false }
        return first.value == 0x80 || text.hasPrefix("PK\u{3}\u{4}")
            || first.value < 0x80 && (text.utf8.contains(0x0A) || text.unicodeScalars.contains("\u{93}"))
    }
}
