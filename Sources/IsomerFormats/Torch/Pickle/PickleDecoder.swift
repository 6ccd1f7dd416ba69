internal import IsomerBytes

/// One instruction of a pickle stream with its argument, not yet executed.
struct PickleInstruction: Sendable {
    enum Argument: Sendable {
        case nothing
        case unsigned(UInt64)
        case signed(Int32)
        case float(Double)
        /// Bytes of the input: what was counted, or a line without its line feed.
        case bytes(Range<Int>)
        case twoLines(Range<Int>, Range<Int>)
    }

    let opcode: PickleOpcode
    /// The position of the opcode in its stream.
    let offset: Int
    let argument: Argument
}

/// Cuts a pickle stream into instructions, by the table in `PickleOpcode`.
struct PickleDecoder: Sendable {
    private(set) var input: PickleInput
    /// Where the frame that the stream announced ends.
    private var frameEnd: Int?
    /// Whether frames that contradict the stream are noted in `frameProblem` instead of refused. Python's loader in C does not look at them.
    private let toleratesFrames: Bool
    private(set) var frameProblem: IsomerError?

    init(_ input: PickleInput, toleratesFrames: Bool = false) {
        self.input = input
        self.toleratesFrames = toleratesFrames
    }

    mutating func next() throws(IsomerError) -> PickleInstruction {
        let offset = input.position
        if let end = frameEnd, offset >= end { frameEnd = nil }
        let code = try input.nextByte(for: "its instructions, before STOP")
        guard let opcode = PickleOpcode(rawValue: code) else {
            throw IsomerError(
                .malformed, "this is not a pickle instruction", byteOffset: input.origin + UInt64(offset),
                found: "0x" + String(code, radix: 16), remedy: "the file is damaged or not a checkpoint")
        }
        let argument = try self.argument(of: opcode)
        if opcode == .frame {
            try openFrame(argument, at: offset)
        } else if let end = frameEnd, input.position > end {
            // Loaders disagree about such a stream, which is how payloads hide from scanners. No pickler writes one.
            try refuse(
                IsomerError(
                    .malformed, "\(opcode.name) reaches over the end of its frame", byteOffset: input.origin + UInt64(offset),
                    expected: "at most \(end - offset) bytes", found: "\(input.position - offset) bytes"))
        }
        return PickleInstruction(opcode: opcode, offset: offset, argument: argument)
    }

    private mutating func argument(of opcode: PickleOpcode) throws(IsomerError) -> PickleInstruction.Argument {
        switch opcode.argumentForm {
        case .nothing: return .nothing
        case .unsigned(let count): return .unsigned(try unsigned(count, opcode))
        case .signed4: return .signed(Int32(truncatingIfNeeded: try unsigned(4, opcode)))
        case .float8:
            let bits = try unsigned(8, opcode).byteSwapped
            return .float(Double(bitPattern: bits))
        case .counted(let width, let isSigned):
            let start = input.fileOffset
            let count = try unsigned(width, opcode)
            guard !isSigned || count <= UInt64(Int32.max) else {
                throw IsomerError(
                    .malformed, "\(opcode.name) has a negative length", byteOffset: start,
                    found: "\(Int32(truncatingIfNeeded: count))")
            }
            return .bytes(try input.take(count, for: "the argument of \(opcode.name)"))
        case .line: return .bytes(try input.takeLine(for: "the argument of \(opcode.name)"))
        case .twoLines:
            let first = try input.takeLine(for: "the argument of \(opcode.name)")
            let second = try input.takeLine(for: "the argument of \(opcode.name)")
            return .twoLines(first, second)
        }
    }

    private mutating func unsigned(_ count: Int, _ opcode: PickleOpcode) throws(IsomerError) -> UInt64 {
        let range = try input.take(UInt64(count), for: "the argument of \(opcode.name)")
        return input.slice(range).reversed().reduce(0) { ($0 << 8) | UInt64($1) }
    }

    private mutating func openFrame(_ argument: PickleInstruction.Argument, at offset: Int) throws(IsomerError) {
        guard case .unsigned(let count) = argument else { return }
        if frameEnd != nil {
            try refuse(IsomerError(.malformed, "a frame begins inside another", byteOffset: input.origin + UInt64(offset)))
        }
        do throws(IsomerError) {
            try input.require(count, for: "a frame")
            frameEnd = input.position + Int(count)
        } catch {
            // Loaders that read no frames go on.
            try refuse(error)
            frameEnd = nil
        }
    }

    private mutating func refuse(_ error: IsomerError) throws(IsomerError) {
        guard toleratesFrames else { throw error }
        if frameProblem == nil { frameProblem = error }
    }
}
