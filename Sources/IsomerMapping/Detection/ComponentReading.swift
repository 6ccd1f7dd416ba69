public import IsomerArchitectures
public import IsomerBytes
import IsomerTensors

/// A component found in a file: which tensor of the file is which tensor of the network, what is missing, what stands beside it.
public struct ComponentReading: Sendable {
    /// A tensor of the layout and where the file has it.
    public struct Assignment: Sendable {
        /// The tensor, as the layout names and shapes it.
        public let item: Expansion.Item
        /// Its position in the file.
        public let index: Int
    }

    /// Two tables of the file that are one tensor of the network.
    public struct Pair: Sendable {
        /// Which rows count of each.
        public let table: SecondTable
        /// The tensor, as the layout names and shapes its first table.
        public let item: Expansion.Item
        /// Their positions in the file.
        public let first: Int, second: Int
    }

    /// A tensor of the file that is not the network's own.
    public struct Companionship: Sendable {
        /// Its position in the file.
        public let index: Int
        /// Why it is there.
        public let companion: Companion
    }

    /// Where it stands.
    public let placement: Placement
    /// Its configuration.
    public let configuration: any NetworkConfiguration
    /// Numbers in all tensors of the network together, found or not.
    public let parameterCount: Int
    /// What was found.
    public let assignments: [Assignment]
    /// Those of them that a second table completes.
    public let pairs: [Pair]
    /// Names, in the file's naming, of what was not.
    public let missing: [String]
    /// Tensors of another shape than the network's, with the sentence about each.
    public let mismatches: [IsomerError]
    /// Tensors beside the network that the layout knows.
    public let companions: [Companionship]
    /// Tensors below the prefix that nothing explains.
    public let unexpected: [Int]

    /// Looks up every tensor of `configuration`'s network in `inventory`.
    ///
    /// - Parameter extra: tensors that may stand beside the network, besides those of the layout.
    public init(
        _ placement: Placement, _ configuration: any NetworkConfiguration, in inventory: TensorInventory,
        companions extra: [Companion] = []
    ) throws(IsomerError) {
        self.placement = placement
        self.configuration = configuration
        let items = try placement.layout.expansion(of: configuration, provesInverse: false).items
        var assignments: [Assignment] = []
        assignments.reserveCapacity(items.count)
        var missing: [String] = []
        var mismatches: [IsomerError] = []
        var taken = Set<Int>(minimumCapacity: items.count)
        for item in items {
            let item = inventory.has(placement.name(of: item.name)) ? item : item.alternative(in: inventory, placement) ?? item
            let name = placement.name(of: item.name)
            guard let index = inventory.index(of: name) else {
                missing.append(name)
                continue
            }
            taken.insert(index)
            let shape = inventory.tensors[index].shape
            if shape.isSameUpToUnits(as: item.shape) {
                assignments.append(Assignment(item: item, index: index))
            } else {
                mismatches.append(
                    IsomerError(
                        .mismatch, "the tensor has another shape than the network's", item: name,
                        expected: "\(item.shape)", found: "\(shape)"))
            }
        }
        let tables = Self.pairs(placement, assignments, in: inventory, &taken)
        let beside = Self.companions(placement, extra, in: inventory, apartFrom: taken)
        parameterCount = items.reduce(0) { $0 &+ $1.parts.reduce(0) { $0 &+ $1.shape.elementCount } }
        self.assignments = assignments
        pairs = tables.found
        self.missing = missing + tables.missing
        self.mismatches = mismatches + tables.mismatches
        companions = beside.known
        unexpected = beside.unknown
    }

    /// The second tables of those of `assignments` that have one.
    private static func pairs(
        _ placement: Placement, _ assignments: [Assignment], in inventory: TensorInventory, _ taken: inout Set<Int>
    ) -> (found: [Pair], missing: [String], mismatches: [IsomerError]) {
        var pairs: [Pair] = []
        var missing: [String] = []
        var mismatches: [IsomerError] = []
        for table in placement.layout.secondTables {
            guard let first = assignments.first(where: { $0.item.name == table.first }) else { continue }
            let name = placement.name(of: table.second)
            guard let second = inventory.index(of: name) else {
                missing.append(name)
                continue
            }
            taken.insert(second)
            let (found, expected) = (inventory.tensors[second], inventory.tensors[first.index])
            if found.shape == expected.shape, found.scalarType == expected.scalarType {
                pairs.append(Pair(table: table, item: first.item, first: first.index, second: second))
            } else {
                mismatches.append(
                    IsomerError(
                        .mismatch, "the second table has another shape or type than the first", item: name,
                        expected: "\(expected.scalarType.rawValue) \(expected.shape)",
                        found: "\(found.scalarType.rawValue) \(found.shape)"))
            }
        }
        return (pairs, missing, mismatches)
    }

    /// The tensors below the prefix that are not `taken`: those that the layout or `extra` knows, and the others.
    private static func companions(
        _ placement: Placement, _ extra: [Companion], in inventory: TensorInventory, apartFrom taken: Set<Int>
    ) -> (known: [Companionship], unknown: [Int]) {
        guard case .prefixed(let prefix) = placement.naming else { return ([], []) }
        var patterns = PatternTrie<Companion>()
        for companion in placement.layout.companions + extra { patterns.insert(companion.pattern, companion) }
        var known: [Companionship] = []
        var unknown: [Int] = []
        for (index, tensor) in inventory.tensors.enumerated() where !taken.contains(index) {
            guard tensor.name.utf8.starts(with: prefix.utf8) else { continue }
            let rest = String(tensor.name.utf8.dropFirst(prefix.utf8.count)) ?? tensor.name
            if let companion = patterns.matches(rest).first?.payload {
                known.append(Companionship(index: index, companion: companion))
            } else {
                unknown.append(index)
            }
        }
        return (known, unknown)
    }

    /// A sentence on each tensor that stands under a name which only some files have.
    public var notes: [String] {
        assignments.compactMap { assignment in
            assignment.item.readBecause.map { "\(placement.name(of: assignment.item.name)) is read: \($0)" }
        }
    }

    /// The share of the network's tensors that were found, in its shapes.
    public var coverage: Double {
        let all = assignments.count + missing.count + mismatches.count
        return all == 0 ? 0 : Double(assignments.count) / Double(all)
    }
}

extension Expansion.Item {
    /// The first of the names that only some files have which `inventory` has.
    fileprivate func alternative(in inventory: TensorInventory, _ placement: Placement) -> Expansion.Item? {
        alternatives.first { inventory.has(placement.name(of: $0.name)) }
    }
}

extension Shape {
    /// Equal but for extents of 1 at the ends: a linear map and a 1×1 convolution hold the same numbers in the same order, and GGUF files lose
    /// leading ones.
    func isSameUpToUnits(as other: Shape) -> Bool {
        func trimmed(_ shape: Shape) -> ArraySlice<Int> {
            var dimensions = shape.dimensions[...]
            while dimensions.last == 1 { dimensions.removeLast() }
            while dimensions.first == 1 { dimensions.removeFirst() }
            return dimensions
        }
        return self == other || (trimmed(self) == trimmed(other) && (rank > 1 && other.rank > 1 || rank == other.rank))
    }
}
