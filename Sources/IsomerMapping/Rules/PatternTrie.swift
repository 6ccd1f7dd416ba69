/// Finds, among many patterns, those that match a name, in time that grows with the name and not with the number of patterns.
///
/// Names are compared byte by byte, as everywhere: Swift takes canonically equivalent texts for equal.
struct PatternTrie<Payload: Sendable>: Sendable {
    private struct Node: Sendable {
        /// Few at each node, so a list is searched faster than a table.
        var literals: [(name: [UInt8], node: Int)] = []
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
                let name = Array(text.utf8)
                if let next = nodes[current].literals.first(where: { $0.name == name })?.node {
                    current = next
                } else {
                    nodes.append(Node())
                    nodes[current].literals.append((name, nodes.count - 1))
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
        var name = name
        name.withUTF8 { visit(0, $0[...], Bindings(), &found) }
        return found
    }

    // Recursion goes as deep as the longest pattern, never as deep as the name.
    private func visit(
        _ node: Int, _ remaining: Slice<UnsafeBufferPointer<UInt8>>?, _ bindings: Bindings, _ found: inout [(Payload, Bindings)]
    ) {
        guard let remaining else {
            for payload in nodes[node].atEnd { found.append((payload, bindings)) }
            return
        }
        if !remaining.isEmpty, !nodes[node].atRest.isEmpty {
            var bound = bindings
            bound.rest = String(decoding: remaining, as: UTF8.self)
            for payload in nodes[node].atRest { found.append((payload, bound)) }
        }
        let dot = remaining.firstIndex(of: UInt8(ascii: "."))
        let head = remaining[..<(dot ?? remaining.endIndex)]
        let tail = dot.map { remaining[($0 + 1)...] }
        if let next = nodes[node].literals.first(where: { $0.name.count == head.count && $0.name.elementsEqual(head) })?.node {
            visit(next, tail, bindings, &found)
        }
        guard !nodes[node].indexes.isEmpty, let number = Self.number(head) else { return }
        for (index, next) in nodes[node].indexes {
            guard let value = index.solve(number) else { continue }
            var bound = bindings
            if let earlier = bindings[index.variable] {
                guard earlier == value else { continue }
            } else {
                bound.integers.append(Bindings.Integer(variable: index.variable, value: value))
            }
            visit(next, tail, bound, &found)
        }
    }

    /// The number that decimal digits without leading zeros stand for. No network has indexes of more than a few digits.
    private static func number(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        guard let first = text.first, text.count <= 9, text.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var number = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }
}
