internal import IsomerBytes

extension PickleMachine {
    /// The height below which the stack belongs to an outer mark.
    private var floor: Int { marks.last ?? 0 }

    mutating func pop(_ instruction: PickleInstruction) throws(IsomerError) -> PickleReference {
        guard stack.count > floor, let value = stack.popLast() else { throw underflow(instruction) }
        return value
    }

    func top(_ instruction: PickleInstruction) throws(IsomerError) -> PickleReference {
        guard stack.count > floor, let value = stack.last else { throw underflow(instruction) }
        return value
    }

    /// Takes away everything above the last mark, and the mark.
    mutating func popToMark(_ instruction: PickleInstruction) throws(IsomerError) -> ArraySlice<PickleReference> {
        guard let mark = marks.popLast() else {
            throw error(.malformed, "\(instruction.opcode.name) needs a mark and there is none", instruction)
        }
        let items = stack[mark...]
        stack.removeLast(stack.count - mark)
        return items
    }

    func underflow(_ instruction: PickleInstruction) -> IsomerError {
        error(.malformed, "\(instruction.opcode.name) needs more values than there are on the stack", instruction)
    }

    func tooDeep(_ instruction: PickleInstruction) -> IsomerError {
        error(
            .limitExceeded, "the pickle nests its values deeper than a pickle may", instruction,
            expected: "at most \(limits.pickleDepth) levels")
    }

    /// Refuses values that lie deeper than the limit on their shortest way from the root. Level by level, each value once.
    func checkDepth(of root: PickleReference) throws(IsomerError) {
        var seen = [Bool](repeating: false, count: graph.nodes.count)
        var level = [root.index]
        seen[Int(root.index)] = true
        var depth = 0
        while !level.isEmpty {
            var next: [UInt32] = []
            for index in level {
                graph.forEachChild(of: index) { child in
                    if !seen[Int(child)] {
                        seen[Int(child)] = true
                        next.append(child)
                    }
                }
            }
            depth += 1
            guard depth <= limits.pickleDepth || next.isEmpty else {
                throw IsomerError(
                    .limitExceeded, "the pickle nests its values deeper than a pickle may", byteOffset: decoder.input.origin,
                    expected: "at most \(limits.pickleDepth) levels")
            }
            level = next
        }
    }
}

extension PickleGraph {
    /// Calls `visit` for everything the node refers to.
    func forEachChild(of index: UInt32, _ visit: (UInt32) -> Void) {
        switch nodes[Int(index)] {
        case .tuple(let start, let count): tupleItems[Int(start)..<Int(start) + Int(count)].forEach(visit)
        case .list(let list), .dictionary(let list), .set(let list), .frozenSet(let list): lists[Int(list)].forEach(visit)
        case .object(let object):
            let object = objects[Int(object)]
            visit(object.callable)
            visit(object.arguments)
            if let keywords = object.keywords { visit(keywords) }
            if let details = object.details.map({ details[Int($0)] }) {
                if let state = details.state { visit(state) }
                details.items.forEach(visit)
                details.entries.forEach(visit)
            }
        case .persistent(let identifier): visit(identifier)
        default: break
        }
    }
}
