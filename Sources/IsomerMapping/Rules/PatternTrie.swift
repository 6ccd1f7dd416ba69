/// Finds, among many patterns, those that match a name, in time that grows with the name and not with the number of patterns.
struct PatternTrie<Payload: Sendable>: Sendable {
    private struct Node: Sendable {
        var literals: [Substring: Int] = [:]
        var indexes: [(index: PathPattern.Index, node: Int)] = []
        var atEnd: [Payload] = []
        var atRest: [Payload] = []
    }

    private var nodes = [Node()]

    init() {}

    mutating func insert(_ pattern: PathPattern, _ payload: Payload) {
        var current = 0
        for component in pattern.components {
            switch component {
            case .rest:
                nodes[current].atRest.append(payload)
                return
            case .literal(let text):
                if let next = nodes[current].literals[text[...]] {
                    current = next
                } else {
                    nodes.append(Node())
                    nodes[current].literals[text[...]] = nodes.count - 1
                    current = nodes.count - 1
                }
            case .index(let index):
                if let next = nodes[current].indexes.first(where: { $0.index == index })?.node {
                    current = next
                } else {
                    nodes.append(Node())
                    nodes[current].indexes.append((index, nodes.count - 1))
                    current = nodes.count - 1
                }
            }
        }
        nodes[current].atEnd.append(payload)
    }

    /// All matches, each with what the holes held.
    func matches(_ name: String) -> [(payload: Payload, bindings: Bindings)] {
        var found: [(Payload, Bindings)] = []
        visit(0, name[...], isFirst: true, Bindings(), &found)
        return found
    }

    // Recursion goes as deep as the longest pattern, never as deep as the name.
    private func visit(
        _ node: Int, _ remaining: Substring?, isFirst: Bool, _ bindings: Bindings, _ found: inout [(Payload, Bindings)]
    ) {
        guard let remaining else {
            found += nodes[node].atEnd.map { ($0, bindings) }
            return
        }
        if !remaining.isEmpty {
            var bound = bindings
            bound.rest = remaining
            found += nodes[node].atRest.map { ($0, bound) }
        }
        let dot = remaining.utf8.firstIndex(of: UInt8(ascii: "."))
        let head = dot.map { remaining[..<$0] } ?? remaining
        let tail = dot.map { remaining[remaining.utf8.index(after: $0)...] }
        if let next = nodes[node].literals[head] { visit(next, tail, isFirst: false, bindings, &found) }
        guard !nodes[node].indexes.isEmpty, let number = Int(head), String(number) == head else { return }
        for (index, next) in nodes[node].indexes {
            guard let value = index.solve(number) else { continue }
            var bound = bindings
            if let earlier = bindings[index.variable] {
                guard earlier == value else { continue }
            } else {
                bound.integers.append(Bindings.Integer(variable: index.variable, value: value))
            }
            visit(next, tail, isFirst: false, bound, &found)
        }
    }
}
