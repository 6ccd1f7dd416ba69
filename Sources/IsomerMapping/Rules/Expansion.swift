public import IsomerArchitectures
public import IsomerBytes
public import IsomerTensors

/// A layout's rules written out for one network: every tensor of the other layout, with its shape and its canonical parts.
public struct Expansion: Sendable {
    /// One tensor of the other layout.
    public struct Item: Hashable, Sendable {
        /// The name in the other layout.
        public let name: String
        /// The shape in the other layout.
        public let shape: Shape
        /// The canonical tensors it holds, in order.
        public let parts: [Manifest.Entry]
        /// How they lie there.
        public let transform: Transform
        /// Where only some files have it, why; `nil` for the layout's own name.
        public var readBecause: String?
        /// The same under names that only some files have, in the order in which they are looked for.
        public var alternatives: [Item] = []
    }

    /// The tensors of the other layout, ordered by their first canonical part.
    public let items: [Item]

    /// Writes out `table` for `manifest`.
    ///
    /// Throws `mismatch` unless the result is one-to-one: every canonical tensor in exactly one tensor of the other layout, every name of the
    /// other layout made once, all parts of a joined tensor present. With `provesInverse` also the way back must lead to the same canonical
    /// names; a reader, which only goes forth, does without.
    public init(_ table: RuleTable, _ manifest: Manifest, provesInverse: Bool = true) throws(IsomerError) {
        var items: [Item] = []
        items.reserveCapacity(manifest.entries.count)
        var links: [String: RuleTable.Link] = Dictionary(minimumCapacity: manifest.entries.count)
        for entry in manifest.entries {
            guard let link = try table.link(canonical: entry.name) else {
                throw IsomerError(.mismatch, "the layout has no name for this tensor", item: entry.name)
            }
            let back = provesInverse ? try table.link(other: link.other) : link
            guard back == link else {
                throw IsomerError(.mismatch, "the layout's name does not lead back to the tensor", item: entry.name, found: link.other)
            }
            if let earlier = links.updateValue(link, forKey: link.other) {
                guard earlier == link else {
                    throw IsomerError(.mismatch, "two tensors would get one name", item: entry.name, found: link.other)
                }
                continue
            }
            var parts: [Manifest.Entry] = []
            for name in link.canonical {
                guard let shape = manifest[name] else {
                    throw IsomerError(.mismatch, "a part of a joined tensor is missing", item: name)
                }
                parts.append(Manifest.Entry(name: name, shape: shape))
            }
            var item = Item(name: link.other, shape: try link.transform.otherShape(parts), parts: parts, transform: link.transform)
            for (link, reason) in table.alternatives(canonical: entry.name) {
                item.alternatives.append(
                    Item(
                        name: link.other, shape: try link.transform.otherShape(parts), parts: parts, transform: link.transform,
                        readBecause: reason))
            }
            items.append(item)
        }
        self.items = items
    }
}

extension Transform {
    /// The shape in the other layout of canonical `parts`.
    func otherShape(_ parts: [Manifest.Entry]) throws(IsomerError) -> Shape {
        guard let first = parts.first else { throw IsomerError(.mismatch, "a rule has no canonical tensor") }
        let dimensions = first.shape.dimensions
        switch self {
        case .identity: return first.shape
        case .trailingUnitAxes(let count): return try Shape(dimensions + Array(repeating: 1, count: count))
        case .leadingUnitAxis: return try Shape([1] + dimensions)
        case .transpose:
            guard dimensions.count == 2 else {
                throw IsomerError(.mismatch, "only a matrix can be transposed", item: first.name, found: "\(first.shape)")
            }
            return try Shape(dimensions.reversed())
        case .swapHalves:
            guard let rows = dimensions.first, rows % 2 == 0 else {
                throw IsomerError(.mismatch, "only an even number of rows has halves", item: first.name, found: "\(first.shape)")
            }
            return first.shape
        case .concatenate:
            var rows = 0
            for part in parts {
                guard let extent = part.shape.dimensions.first, part.shape.dimensions.dropFirst() == dimensions.dropFirst() else {
                    throw IsomerError(
                        .mismatch, "joined tensors must agree in all but the first extent", item: part.name,
                        expected: "\(first.shape)", found: "\(part.shape)")
                }
                let (sum, overflow) = rows.addingReportingOverflow(extent)
                guard !overflow else { throw IsomerError(.malformed, "joined tensors are too large", item: part.name) }
                rows = sum
            }
            return try Shape([rows] + dimensions.dropFirst())
        }
    }
}
