internal import IsomerBytes

extension PickleMachine {
    /// Carries out one instruction other than `STOP`.
    mutating func execute(_ instruction: PickleInstruction) throws(IsomerError) {
        switch instruction.opcode {
        case .stop, .frame: break
        case .protocolVersion: try checkProtocol(instruction)
        case .mark: try openMark(instruction)
        case .pop, .popMark, .duplicate: try rearrange(instruction)
        case .get, .binaryGet, .longBinaryGet, .put, .binaryPut, .longBinaryPut, .memoize: try remember(instruction)
        case .none: stack.append(PickleGraph.none)
        case .newTrue: stack.append(PickleGraph.bool(true))
        case .newFalse: stack.append(PickleGraph.bool(false))
        case .integer, .binaryInteger, .binaryInteger1, .binaryInteger2, .long, .long1, .long4, .float, .binaryFloat:
            stack.append(try number(instruction))
        case .string, .binaryString, .shortBinaryString, .unicode, .binaryUnicode, .shortBinaryUnicode, .binaryUnicode8,
            .binaryBytes, .shortBinaryBytes, .binaryBytes8, .byteArray8:
            stack.append(try text(instruction))
        case .emptyTuple, .emptyList, .emptyDictionary, .emptySet, .tuple, .tuple1, .tuple2, .tuple3, .list, .dictionary, .frozenSet:
            try makeContainer(instruction)
        case .append, .appends, .setItem, .setItems, .addItems: try fill(instruction)
        case .global, .stackGlobal, .reduce, .newObject, .newObjectKeywords, .instance, .object, .build, .persistent, .persistentText,
            .extension1, .extension2, .extension4, .nextBuffer, .readOnlyBuffer:
            try makeObject(instruction)
        }
    }

    private func checkProtocol(_ instruction: PickleInstruction) throws(IsomerError) {
        guard case .unsigned(let version) = instruction.argument, version <= 5 else {
            throw error(
                .unsupported, "the pickle has an unknown protocol", instruction, expected: "0 to 5", found: describe(instruction.argument))
        }
    }

    private mutating func openMark(_ instruction: PickleInstruction) throws(IsomerError) {
        // A container or call takes at most three marks a level.
        guard marks.count < limits.pickleDepth * 3 else { throw tooDeep(instruction) }
        marks.append(stack.count)
    }

    private mutating func rearrange(_ instruction: PickleInstruction) throws(IsomerError) {
        switch instruction.opcode {
        case .pop:
            // Python lets `POP` take away a mark that nothing was pushed on.
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop(instruction) }
        case .popMark: _ = try popToMark(instruction)
        default: stack.append(try top(instruction))
        }
    }

    private mutating func remember(_ instruction: PickleInstruction) throws(IsomerError) {
        let index: UInt32
        switch instruction.argument {
        case .unsigned(let value): index = UInt32(truncatingIfNeeded: value)
        case .bytes(let range):
            if let value = PickleText.index(decoder.input.slice(range)) {
                index = value
            } else {
                try deviate(
                    error(.malformed, "\(instruction.opcode.name) has an argument that is not a memo number", instruction), instruction)
                // Python takes what `int` takes: signs, spaces, underscores.
                let digits = decoder.input.slice(range).filter { 0x30...0x39 ~= $0 }
                index = PickleText.index(digits[...]) ?? 0
            }
        default: index = UInt32(truncatingIfNeeded: memo.count)
        }
        switch instruction.opcode {
        case .get, .binaryGet, .longBinaryGet:
            guard let reference = memo[index] else {
                throw error(
                    .malformed, "\(instruction.opcode.name) asks for a memo entry that was never made", instruction, found: "\(index)")
            }
            stack.append(reference)
        default:
            memo[index] = try top(instruction)
            guard memo.count <= limits.pickleValues else {
                throw error(
                    .limitExceeded, "the pickle remembers more values than a pickle may", instruction,
                    expected: "at most \(limits.pickleValues)")
            }
        }
    }

    private mutating func number(_ instruction: PickleInstruction) throws(IsomerError) -> PickleReference {
        switch instruction.argument {
        case .unsigned(let value): return try graph.addInteger(Int(truncatingIfNeeded: value))
        case .signed(let value): return try graph.addInteger(Int(value))
        case .float(let value): return try graph.addFloat(value)
        case .bytes(let range):
            let bytes = decoder.input.slice(range)
            switch instruction.opcode {
            case .long1, .long4: return try graph.addInteger(twosComplement: bytes)
            case .float:
                if let value = PickleText.float(bytes) { return try graph.addFloat(value) }
            case .integer where bytes.elementsEqual("00".utf8): return PickleGraph.bool(false)
            case .integer where bytes.elementsEqual("01".utf8): return PickleGraph.bool(true)
            default:
                let digits = instruction.opcode == .long && bytes.last == UInt8(ascii: "L") ? bytes.dropLast() : bytes
                if let value = PickleText.integer(digits) { return try graph.addInteger(twosComplement: value[...]) }
            }
            // Python takes more than decimal digits. Which number it is does not matter to those who let this pass.
            try deviate(
                error(.malformed, "\(instruction.opcode.name) has an argument that is not a number", instruction, found: excerpt(bytes)),
                instruction)
            return try graph.addInteger(0)
        default: throw error(.malformed, "\(instruction.opcode.name) has no argument", instruction)
        }
    }

    private mutating func text(_ instruction: PickleInstruction) throws(IsomerError) -> PickleReference {
        guard case .bytes(let range) = instruction.argument else {
            throw error(.malformed, "\(instruction.opcode.name) has no argument", instruction)
        }
        let bytes = decoder.input.slice(range)
        switch instruction.opcode {
        case .binaryBytes, .shortBinaryBytes, .binaryBytes8: return try graph.addBytes(Array(bytes))
        case .byteArray8: return try graph.addByteArray(Array(bytes))
        case .binaryString, .shortBinaryString: return try addPythonTwoString(Array(bytes))
        case .string:
            guard let content = PickleText.quoted(bytes) else {
                throw error(.malformed, "STRING has an argument that is not a quoted text", instruction, found: excerpt(bytes))
            }
            return try addPythonTwoString(content)
        case .unicode:
            if let text = PickleText.rawUnicode(bytes) { return try graph.addString(text) }
        default:
            if let text = PickleText.unicode(bytes) { return try graph.addString(text) }
        }
        // Python takes lone surrogates.
        try deviate(
            error(.malformed, "\(instruction.opcode.name) has an argument that is not Unicode text", instruction, found: excerpt(bytes)),
            instruction)
        return try graph.addString(String(decoding: bytes, as: UTF8.self))
    }

    /// Python 2's strings are bytes, most of them text.
    private mutating func addPythonTwoString(_ bytes: [UInt8]) throws(IsomerError) -> PickleReference {
        if let text = String(validating: bytes, as: UTF8.self) { return try graph.addString(text) }
        return try graph.addBytes(bytes)
    }

    /// The beginning of an argument, for an error.
    private func excerpt(_ bytes: ArraySlice<UInt8>) -> String {
        "\"" + String(decoding: bytes.prefix(40), as: UTF8.self) + (bytes.count > 40 ? "…\"" : "\"")
    }

    private func describe(_ argument: PickleInstruction.Argument) -> String {
        if case .unsigned(let value) = argument { "\(value)" } else { "nothing" }
    }
}
