internal import IsomerBytes

extension PickleMachine {
    mutating func makeContainer(_ instruction: PickleInstruction) throws(IsomerError) {
        switch instruction.opcode {
        case .emptyTuple: stack.append(try graph.addTuple([]))
        case .emptyList: stack.append(try graph.add(.list, []))
        case .emptyDictionary: stack.append(try graph.add(.dictionary, []))
        case .emptySet: stack.append(try graph.add(.set, []))
        case .tuple:
            let items = try popToMark(instruction)
            let tuple = try graph.addTuple(items)
            try nest(items, in: tuple, instruction)
            stack.append(tuple)
        case .tuple1: try makeTuple(of: 1, instruction)
        case .tuple2: try makeTuple(of: 2, instruction)
        case .tuple3: try makeTuple(of: 3, instruction)
        case .list:
            let items = try popToMark(instruction)
            let list = try graph.add(.list, items)
            try nest(items, in: list, instruction)
            stack.append(list)
        case .dictionary: stack.append(try graph.add(.dictionary, try pairs(try popToMark(instruction), instruction)))
        default: stack.append(try graph.add(.frozenSet, try popToMark(instruction)))
        }
    }

    private mutating func makeTuple(of count: Int, _ instruction: PickleInstruction) throws(IsomerError) {
        guard stack.count - (marks.last ?? 0) >= count else { throw underflow(instruction) }
        let tuple = try graph.addTuple(stack.suffix(count))
        try nest(stack.suffix(count), in: tuple, instruction)
        stack.removeLast(count)
        stack.append(tuple)
    }

    private func pairs(_ items: ArraySlice<PickleReference>, _ instruction: PickleInstruction) throws(IsomerError) -> ArraySlice<
        PickleReference
    > {
        guard items.count % 2 == 0 else {
            throw error(
                .malformed, "\(instruction.opcode.name) has a key without a value", instruction, expected: "an even number of values",
                found: "\(items.count)")
        }
        return items
    }

    /// `APPEND`, `APPENDS`, `SETITEM`, `SETITEMS`, `ADDITEMS`.
    mutating func fill(_ instruction: PickleInstruction) throws(IsomerError) {
        let items: ArraySlice<PickleReference>
        switch instruction.opcode {
        case .append: items = [try pop(instruction)]
        case .setItem:
            let value = try pop(instruction)
            items = [try pop(instruction), value]
        case .setItems: items = try pairs(try popToMark(instruction), instruction)
        default: items = try popToMark(instruction)
        }
        let target = try top(instruction)
        let setsEntries = instruction.opcode == .setItem || instruction.opcode == .setItems
        switch (graph.node(target), instruction.opcode) {
        case (.list(let index), .append), (.list(let index), .appends), (.dictionary(let index), .setItem),
            (.dictionary(let index), .setItems), (.set(let index), .addItems):
            try graph.append(items, toContainer: index)
            try nest(items, in: target, instruction)
        case (.object(let index), _):
            try report(.extend(target: target, asEntries: setsEntries), instruction)
            try graph.append(items, to: index, asEntries: setsEntries)
        default:
            let refusal = error(
                .malformed, "\(instruction.opcode.name) is applied to something that cannot take items", instruction,
                expected: setsEntries ? "a dictionary" : instruction.opcode == .addItems ? "a set" : "a list", found: graph.kind(of: target)
            )
            guard isTolerant else { throw refusal }
            // A class or anything else that was imported may have a method of that name.
            switch graph.node(target) {
            case .global, .persistent: try report(.extend(target: target, asEntries: setsEntries), instruction)
            default: try deviate(refusal, instruction)
            }
        }
    }
}

extension PickleGraph {
    /// Whether Python may find a string here: there is one, or something whose value only a loader learns.
    func mayBeComputedString(_ reference: PickleReference) -> Bool {
        switch node(reference) {
        case .string, .object, .persistent: true
        default: false
        }
    }

    /// What a value is, in a word or two, for errors.
    func kind(of reference: PickleReference) -> String {
        switch node(reference) {
        case .none: "None"
        case .bool: "a truth value"
        case .integer, .largeInteger: "an integer"
        case .float: "a float"
        case .string: "a string"
        case .bytes: "bytes"
        case .byteArray: "a bytearray"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .set: "a set"
        case .frozenSet: "a frozenset"
        case .global: "a global"
        case .object: "an object"
        case .persistent: "a persistent object"
        }
    }
}

extension PickleMachine {
    /// Notes how deep a value becomes by what is put into it, and refuses too much at once, before a million levels have cost their memory.
    ///
    /// What is already inside something does not tell it of its own growth, so this sees what picklers write, innermost first; the whole
    /// is checked at the end.
    private mutating func nest(
        _ items: ArraySlice<PickleReference>, in container: PickleReference, _ instruction: PickleInstruction
    ) throws(IsomerError) {
        var height: UInt16 = 0
        for item in items where Int(item.index) < heights.count { height = max(height, heights[Int(item.index)]) }
        guard Int(height) < limits.pickleDepth else { throw tooDeep(instruction) }
        height = min(height, .max - 1) + 1
        let index = Int(container.index)
        if height > 1 || index < heights.count {
            if index >= heights.count { heights += [UInt16](repeating: 1, count: index + 1 - heights.count) }
            heights[index] = max(heights[index], height)
        }
    }
}
