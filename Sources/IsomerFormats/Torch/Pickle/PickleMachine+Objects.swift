internal import IsomerBytes

extension PickleMachine {
    /// Opcodes whose effect in Python is to run code: they are written down.
    mutating func makeObject(_ instruction: PickleInstruction) throws(IsomerError) {
        switch instruction.opcode {
        case .global:
            let (module, name) = try moduleAndName(instruction)
            stack.append(try makeGlobal(module, name, instruction))
        case .stackGlobal: try makeStackGlobal(instruction)
        case .reduce, .newObject:
            let arguments = try pop(instruction)
            let callable = try pop(instruction)
            try call(callable, try tuple(arguments, instruction), keywords: nil, instruction)
        case .newObjectKeywords:
            let keywords = try pop(instruction)
            let arguments = try pop(instruction)
            let callable = try pop(instruction)
            if case .dictionary = graph.node(keywords) {
            } else {
                try deviate(
                    error(.malformed, "NEWOBJ_EX needs its named arguments in a dictionary", instruction, found: graph.kind(of: keywords)),
                    instruction)
            }
            try call(callable, try tuple(arguments, instruction), keywords: keywords, instruction)
        case .instance:
            let (module, name) = try moduleAndName(instruction)
            let arguments = try graph.addTuple(try popToMark(instruction))
            try call(try makeGlobal(module, name, instruction), arguments, keywords: nil, instruction)
        case .object:
            let items = try popToMark(instruction)
            guard let callable = items.first else {
                throw error(.malformed, "OBJ needs a class and there is none after its mark", instruction)
            }
            try call(callable, try graph.addTuple(items.dropFirst()), keywords: nil, instruction)
        case .build: try build(instruction)
        case .persistent:
            let identifier = try pop(instruction)
            try report(.persistent(identifier: identifier), instruction)
            stack.append(try graph.addPersistent(identifier))
        case .persistentText:
            let identifier = try graph.addString(try line(instruction))
            try report(.persistent(identifier: identifier), instruction)
            stack.append(try graph.addPersistent(identifier))
        case .extension1, .extension2, .extension4:
            let code = try registryCode(instruction)
            try report(.registered(code: code), instruction)
            stack.append(try graph.addGlobal(PickleGraph.Global(module: "copyreg", name: "extension \(code)")))
        case .nextBuffer:
            try report(.buffer, instruction)
            stack.append(try graph.addBytes([]))
        default: _ = try top(instruction)
        }
    }

    /// A global whose names are on the stack.
    private mutating func makeStackGlobal(_ instruction: PickleInstruction) throws(IsomerError) {
        let name = try pop(instruction)
        let module = try pop(instruction)
        guard case .string(let moduleText) = graph.node(module), case .string(let nameText) = graph.node(name) else {
            if isTolerant, graph.mayBeComputedString(module), graph.mayBeComputedString(name) {
                try report(.computedGlobal(module: module, name: name), instruction)
                stack.append(try graph.addGlobal(PickleGraph.Global(module: graph.text(of: module), name: graph.text(of: name))))
                return
            }
            throw error(
                .malformed, "STACK_GLOBAL needs two strings", instruction, expected: "a module's name and a name in it",
                found: "\(graph.kind(of: module)) and \(graph.kind(of: name))")
        }
        stack.append(try makeGlobal(moduleText, nameText, instruction))
    }

    private mutating func makeGlobal(_ module: String, _ name: String, _ instruction: PickleInstruction) throws(IsomerError)
        -> PickleReference
    {
        let global = PythonTwoNames.modern(PickleGraph.Global(module: module, name: name))
        try report(.global(global), instruction)
        return try graph.addGlobal(global)
    }

    private mutating func call(
        _ callable: PickleReference, _ arguments: PickleReference, keywords: PickleReference?, _ instruction: PickleInstruction
    ) throws(IsomerError) {
        switch graph.node(callable) {
        case .global, .object, .persistent: break
        default:
            try deviate(
                error(
                    .malformed, "\(instruction.opcode.name) calls something that is not callable", instruction,
                    found: graph.kind(of: callable)), instruction)
        }
        try report(.call(callable: callable, arguments: arguments, keywords: keywords), instruction)
        stack.append(try graph.addObject(callable, arguments, keywords: keywords))
    }

    private mutating func build(_ instruction: PickleInstruction) throws(IsomerError) {
        let state = try pop(instruction)
        let target = try top(instruction)
        switch graph.node(target) {
        case .object(let index):
            try report(.build(target: target, state: state), instruction)
            try graph.setState(state, of: index)
        case .global, .persistent:
            // Python would run a method of a class or of a thing outside: no pickler writes this.
            try report(.build(target: target, state: state), instruction)
        default:
            try deviate(
                error(
                    .malformed, "BUILD gives a state to something that has none", instruction, expected: "an object",
                    found: graph.kind(of: target)), instruction)
        }
    }

    private func tuple(_ reference: PickleReference, _ instruction: PickleInstruction) throws(IsomerError) -> PickleReference {
        if case .tuple = graph.node(reference) { return reference }
        // What a call makes may be a tuple too.
        try deviate(
            error(.malformed, "\(instruction.opcode.name) needs its arguments in a tuple", instruction, found: graph.kind(of: reference)),
            instruction)
        return reference
    }

    private func moduleAndName(_ instruction: PickleInstruction) throws(IsomerError) -> (String, String) {
        guard case .twoLines(let first, let second) = instruction.argument,
            let module = String(validating: decoder.input.slice(first), as: UTF8.self),
            let name = String(validating: decoder.input.slice(second), as: UTF8.self)
        else {
            throw error(.malformed, "\(instruction.opcode.name) has names that are not UTF-8", instruction)
        }
        return (module, name)
    }

    private func line(_ instruction: PickleInstruction) throws(IsomerError) -> String {
        guard case .bytes(let range) = instruction.argument, let text = String(validating: decoder.input.slice(range), as: UTF8.self) else {
            throw error(.malformed, "\(instruction.opcode.name) has an argument that is not UTF-8", instruction)
        }
        return text
    }

    private func registryCode(_ instruction: PickleInstruction) throws(IsomerError) -> Int {
        switch instruction.argument {
        case .unsigned(let code) where code > 0: return Int(truncatingIfNeeded: code)
        case .signed(let code) where code > 0: return Int(code)
        default: throw error(.malformed, "\(instruction.opcode.name) has a registry number that is not positive", instruction)
        }
    }
}
