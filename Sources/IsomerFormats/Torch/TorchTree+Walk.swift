internal import IsomerBytes

extension TorchTree {
    /// Goes through everything below `root` in order, without recursion and each value once, and calls `visit` with the dotted path.
    ///
    /// `visit` returns whether to go on below the value. Values in `seen` are left out; those gone through are added.
    static func walk(
        _ root: PickleValue, seen: inout Set<PickleReference>,
        _ visit: (PickleValue, () throws(IsomerError) -> String) throws(IsomerError) -> Bool
    ) throws(IsomerError) {
        var trail = Trail()
        var stack: [(value: PickleValue, place: Int)] = [(root, -1)]
        while let (value, place) = stack.popLast() {
            if value.isContainer, !seen.insert(value.reference).inserted {
                // A tensor that stands in two places has two names; a dictionary that does is gone through once.
                guard value.object != nil || value.isPersistent else { continue }
                _ = try visit(value) { () throws(IsomerError) in try trail.path(to: place) }
                continue
            }
            guard try visit(value, { () throws(IsomerError) in try trail.path(to: place) }) else { continue }
            for child in children(of: value).reversed() where child.value.isContainer {
                stack.append((child.value, child.name.map { trail.add($0, below: place) } ?? place))
            }
        }
    }

    /// Paths as links to the part before, so that a deep tree costs no more than its parts.
    private struct Trail {
        private var parts: [(name: String, parent: Int)] = []
        private var byteCount = 0

        mutating func add(_ name: String, below parent: Int) -> Int {
            parts.append((name, parent))
            return parts.count - 1
        }

        mutating func path(to place: Int) throws(IsomerError) -> String {
            var names: [String] = []
            var length = 0
            var current = place
            while current >= 0 {
                names.append(parts[current].name)
                length += parts[current].name.utf8.count + 1
                current = parts[current].parent
            }
            byteCount += length
            guard length <= 16 << 10, byteCount <= 1 << 30 else {
                throw IsomerError(
                    .limitExceeded, "the names of the tensors are longer than names may be",
                    expected: "at most 16 KiB each and 1 GiB in all")
            }
            return names.reversed().joined(separator: ".")
        }
    }
}
