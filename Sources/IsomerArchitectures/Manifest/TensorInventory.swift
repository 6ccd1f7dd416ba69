public import IsomerBytes
public import IsomerTensors

/// The names and shapes of a source, with lookup by name and by path.
///
/// Names are compared byte by byte: two names that differ only in how a character is composed are two tensors.
public struct TensorInventory: Sendable {
    /// The tensors in the source's order.
    public let tensors: [TensorDescriptor]
    private let positions: TensorPositions
    private let sortedNames: SortedNames

    /// Indexes `tensors`. Of two with one name the first counts.
    public init(_ tensors: [TensorDescriptor]) {
        self.tensors = tensors
        positions = TensorPositions(tensors)
        sortedNames = SortedNames(tensors)
    }

    /// The position of tensor `name`.
    public func index(of name: String) -> Int? { positions[name] }

    /// The shape of tensor `name`.
    public func shape(of name: String) -> Shape? { index(of: name).map { tensors[$0].shape } }

    /// Whether there is a tensor `name`.
    public func has(_ name: String) -> Bool { positions[name] != nil }

    /// The extent of `name` along `axis`, or `nil` if there is no such tensor or axis.
    public func extent(of name: String, axis: Int) -> Int? {
        guard let shape = shape(of: name), shape.dimensions.indices.contains(axis) else { return nil }
        // A tensor without elements may claim any extent; none of a real network's is larger than this.
        return shape.dimensions[axis] <= JSONCursor.greatestExtent ? shape.dimensions[axis] : nil
    }

    /// How many consecutive integers 0, 1, 2, … continue `path` ("down_blocks" → 4 for down_blocks.0 … down_blocks.3).
    public func count(under path: String) -> Int {
        var count = 0
        while sortedNames.hasName(under: "\(path).\(count)") { count += 1 }
        return count
    }
}

extension TensorInventory {
    /// The same tensors under other names and shapes; each may become none or several.
    public func renamed(
        _ rename: (TensorDescriptor) throws(IsomerError) -> [(name: String, dimensions: [Int])]
    ) throws(IsomerError) -> TensorInventory {
        var renamed: [TensorDescriptor] = []
        for tensor in tensors {
            for (name, dimensions) in try rename(tensor) {
                renamed.append(try TensorDescriptor(name: name, scalarType: tensor.scalarType, shape: Shape(dimensions)))
            }
        }
        return TensorInventory(renamed)
    }

    /// The tensors whose names begin with `prefix`, without it.
    public func under(_ prefix: String) -> TensorInventory {
        if prefix.isEmpty { return self }
        return TensorInventory(
            tensors.compactMap { tensor in
                guard tensor.name.utf8.starts(with: prefix.utf8) else { return nil }
                var stripped = tensor
                stripped.name = String(tensor.name.utf8.dropFirst(prefix.utf8.count)) ?? tensor.name
                return stripped
            })
    }

    /// Whether all of `signature`'s names are there below `prefix`, and none that it excludes.
    public func matches(_ signature: NetworkSignature, under prefix: String = "") -> Bool {
        signature.present.allSatisfy { has(prefix + $0) } && !signature.absent.contains { has(prefix + $0) }
    }
}
