import IsomerArchitectures
import IsomerBytes
import IsomerTensors

/// A source's tensors by name, for whoever looks for what belongs together.
struct StoredNames {
    let source: any TensorSource
    private let inventory: TensorInventory

    init(_ source: any TensorSource) {
        self.source = source
        inventory = TensorInventory(source.tensors)
    }

    func index(_ name: String) -> Int? { inventory.index(of: name) }

    /// The tensor `name`, without which `weight` is no weight.
    func required(_ name: String, by weight: String) throws(IsomerError) -> Int {
        guard let index = index(name) else {
            throw IsomerError(
                .malformed, "a tensor that belongs to a packed weight is missing", item: weight, expected: name,
                remedy: "get the file again")
        }
        return index
    }

    /// Throws `malformed` unless the tensor has `count` elements of a type that is right.
    func check(_ index: Int, count: Int, _ expected: String, isRight: (ScalarType) -> Bool) throws(IsomerError) {
        let tensor = source.tensors[index]
        guard tensor.shape.elementCount == count, isRight(tensor.scalarType) else {
            throw IsomerError(
                .malformed, "a tensor that belongs to a packed weight is not what it should be", item: tensor.name,
                expected: "\(count) of \(expected)", found: "\(tensor.scalarType.rawValue) \(tensor.shape)")
        }
    }

    /// All numbers of a small tensor that has `count`.
    func floats(of index: Int, count: Int) throws(IsomerError) -> [Float] {
        try check(index, count: count, "floating numbers") { $0.kind == .float && $0.isByteAligned }
        let numbers = try source.floats(of: index)
        // The memory lives no longer than the buffer.
        return withExtendedLifetime(numbers) { Array(numbers.values) }
    }

    /// A tensor whose bytes are a JSON text.
    func json(_ index: Int) throws(IsomerError) -> JSONCursor {
        let tensor = source.tensors[index]
        // A weight's description is a line.
        guard tensor.scalarType == .u8 || tensor.scalarType == .i8, tensor.byteCount <= 1 << 16 else {
            throw IsomerError(
                .malformed, "the description of a packed weight is no text", item: tensor.name, expected: "at most 65536 bytes",
                found: "\(tensor.scalarType.rawValue) \(tensor.shape)")
        }
        do throws(IsomerError) {
            return JSONCursor(try JSONValue(parsing: source.bytes(of: index), dialect: .python))
        } catch {
            throw error.inDescription(of: tensor.name)
        }
    }
}

extension IsomerError {
    /// The same error, told about a key in the JSON text that the tensor `name` is. Positions count in the text, not in the file.
    func inDescription(of name: String) -> IsomerError {
        var error = self
        error.location.item = location.item.map { $0.utf8.elementsEqual(name.utf8) ? $0 : "\(name): \($0)" } ?? name
        error.location.byteOffset = nil
        return error
    }
}
