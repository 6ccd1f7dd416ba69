internal import IsomerBytes

/// Where each of many tensors stands, by name.
///
/// Names are compared byte by byte: two that differ only in how a character is composed are two tensors. Of two with one name the first counts.
public struct TensorPositions: Sendable {
    private var positions: [ExactString: Int]

    /// The positions in `tensors` of those whose names begin with `prefix`.
    public init(_ tensors: [TensorDescriptor] = [], under prefix: String = "") {
        positions = Dictionary(minimumCapacity: prefix.isEmpty ? tensors.count : 0)
        for (index, tensor) in tensors.enumerated() where tensor.name.utf8.starts(with: prefix.utf8) {
            let name = ExactString(tensor.name)
            if let first = positions.updateValue(index, forKey: name) { positions[name] = first }
        }
    }

    /// The position of tensor `name`, or `nil` if there is none.
    public subscript(name: String) -> Int? { positions[ExactString(name)] }
}
