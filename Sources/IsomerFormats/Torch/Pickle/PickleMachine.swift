public import IsomerBytes

/// Runs a pickle stream over inert values.
///
/// Every opcode of protocols 0 to 5 has its effect on the stack, the memo and the values, and none has any other: where Python would import,
/// call, or hand an object its state, the machine writes down that it would, and tells the observer, who may throw to stop it. What a value
/// is decides what may be done to it, for every opcode: a tuple cannot be appended to, a number cannot be given items.
public struct PickleMachine {
    var decoder: PickleDecoder
    var graph: PickleGraph
    var stack: [PickleReference] = []
    /// Heights of the stack at the open marks.
    var marks: [Int] = []
    var memo = PickleMemo()
    /// For each value, how deep what it holds is nested, as far as it is known; 0 beyond the end.
    var heights: [UInt16] = []
    let limits: Limits
    private let observer: (any PickleObserver)?
    /// Whether to go on, after telling the observer, where a pickle is not as it should be but Python would go on too.
    let isTolerant: Bool

    /// - Parameter isTolerant: for those who look at a pickle without wanting its values; `run` is for the others.
    init(_ input: PickleInput, limits: Limits, observer: (any PickleObserver)? = nil, isTolerant: Bool = false) {
        self.decoder = PickleDecoder(input, toleratesFrames: isTolerant)
        self.isTolerant = isTolerant
        self.graph = PickleGraph(capacity: limits.pickleValues)
        self.limits = limits
        self.observer = observer
    }

    /// Runs to `STOP` and returns what was built. Bytes may follow; `decoder.input` tells where.
    mutating func run() throws(IsomerError) -> PickleDocument {
        // In two steps: `finish` must see the machine as it is after the run.
        let stop = try runToStop()
        return try finish(stop)
    }

    /// Runs to `STOP`, which is returned, whatever is on the stack then.
    mutating func runToStop() throws(IsomerError) -> PickleInstruction {
        var operations = 0
        let began = ContinuousClock.now
        while true {
            let instruction = try decoder.next()
            operations += 1
            guard operations <= limits.pickleOperations else {
                throw error(
                    .limitExceeded, "the pickle has more instructions than a pickle may", instruction,
                    expected: "at most \(limits.pickleOperations)")
            }
            if operations & 0xFFFFF == 0 {
                try Interruption.check()
                guard began.duration(to: .now) <= .seconds(limits.seconds) else {
                    throw error(
                        .limitExceeded, "the pickle takes too long", instruction, expected: "at most \(limits.seconds) seconds")
                }
            }
            if instruction.opcode == .stop { return instruction }
            try execute(instruction)
            guard stack.count <= limits.pickleStack else {
                throw error(
                    .limitExceeded, "the pickle has more values in hand than a pickle may", instruction,
                    expected: "at most \(limits.pickleStack)")
            }
        }
    }

    /// Reads one pickle that must fill `bytes`.
    ///
    /// - Parameter origin: where the bytes lie in their file, so that errors name file offsets.
    public static func load(_ bytes: [UInt8], origin: UInt64 = 0, limits: Limits = Limits(), observer: (any PickleObserver)? = nil)
        throws(IsomerError) -> PickleDocument
    {
        guard UInt64(bytes.count) <= limits.pickleBytes else {
            throw IsomerError(
                .limitExceeded, "the pickle is longer than a pickle may be", expected: "at most \(limits.pickleBytes) bytes",
                found: "\(bytes.count) bytes")
        }
        var machine = PickleMachine(PickleInput(bytes, origin: origin), limits: limits, observer: observer)
        let document = try machine.run()
        guard machine.decoder.input.isAtEnd else {
            throw IsomerError(
                .malformed, "there are bytes after the end of the pickle", byteOffset: machine.decoder.input.fileOffset,
                remedy: "the file is damaged or holds something hidden: look at it with `isomer scan`")
        }
        return document
    }

    private func finish(_ instruction: PickleInstruction) throws(IsomerError) -> PickleDocument {
        guard marks.isEmpty, stack.count == 1, let root = stack.first else {
            throw error(
                .malformed, "the pickle ends with something other than one value on its stack", instruction, expected: "1 value, 0 marks",
                found: "\(stack.count) values, \(marks.count) marks")
        }
        try checkDepth(of: root)
        return PickleDocument(graph, root: root)
    }

    /// For what no pickler writes and Python lets pass.
    func deviate(_ error: IsomerError, _ instruction: PickleInstruction) throws(IsomerError) {
        guard isTolerant else { throw error }
        try report(.irregularity(error), instruction)
    }

    func report(_ event: PickleEvent, _ instruction: PickleInstruction) throws(IsomerError) {
        guard let observer else { return }
        do throws(IsomerError) {
            try observer.observe(event, by: instruction.opcode, at: instruction.offset, in: graph)
        } catch {
            var located = error
            if located.location.byteOffset == nil { located.location.byteOffset = decoder.input.origin + UInt64(instruction.offset) }
            throw located
        }
    }

    func error(
        _ code: IsomerError.Code, _ what: String, _ instruction: PickleInstruction, expected: String? = nil, found: String? = nil
    ) -> IsomerError {
        IsomerError(
            code, what, byteOffset: decoder.input.origin + UInt64(instruction.offset), expected: expected, found: found,
            remedy: code == .malformed ? "the file is damaged: get it again" : nil)
    }
}

/// What `PUT` stored, by number. Picklers count up from zero; anything else goes to a dictionary.
struct PickleMemo: Sendable {
    private var dense: [PickleReference] = []
    private var sparse: [UInt32: PickleReference] = [:]

    var count: Int { dense.count + sparse.count }

    subscript(index: UInt32) -> PickleReference? {
        get { index < dense.count ? dense[Int(index)] : sparse[index] }
        set {
            guard let newValue else { return }
            if index < dense.count {
                dense[Int(index)] = newValue
            } else if index == dense.count, sparse.isEmpty {
                dense.append(newValue)
            } else {
                sparse[index] = newValue
            }
        }
    }
}
