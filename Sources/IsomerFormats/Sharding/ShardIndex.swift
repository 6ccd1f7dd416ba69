public import IsomerBytes

/// The index of a sharded set (`*.safetensors.index.json`, `*.bin.index.json`): which tensor lies in which file.
///
///     { "metadata": { "total_size": 1234, … }, "weight_map": { tensor name: file name, … } }
public struct ShardIndex: Sendable {
    /// The files in the order of their names' bytes, and for each the tensors that the index places there, in the index's order.
    public let shards: [(fileName: String, tensors: [String])]
    /// What `metadata.total_size` says, if it is a whole number: the bytes of all tensors.
    public let totalByteCount: UInt64?

    /// - Throws: `malformed` for a JSON text that is no index, and for a file name that is anything but the name of a file beside the index.
    public init(_ root: JSONCursor) throws(IsomerError) {
        guard case .object(let object) = root.value, object["weight_map"] != nil else {
            let isDescription = ["model_index.json", "config.json"].contains(root.path?.lastComponent?.string)
            throw root.failure(
                "this JSON text is not the index of a sharded set: it has no weight_map",
                remedy: isDescription
                    ? "give the folder that it lies in" : "give the weights file or the *.index.json that names its parts")
        }
        var positions: [ExactString: Int] = [:]
        var shards: [(fileName: String, tensors: [String])] = []
        let map = try root.required("weight_map")
        for (name, value) in try map.object() {
            guard case .string(let fileName) = value else { throw try ShardIndex.failure(map, name, "the file name is not a string") }
            guard ShardIndex.isPlainName(fileName) else {
                throw try ShardIndex.failure(
                    map, name, "the index names a file outside its own folder", expected: "the name of a file beside the index",
                    found: fileName, remedy: "do not trust this model")
            }
            if let position = positions[ExactString(fileName)] {
                shards[position].tensors.append(name)
            } else {
                positions[ExactString(fileName)] = shards.count
                shards.append((fileName, [name]))
            }
        }
        guard !shards.isEmpty else { throw map.failure("the index names no tensors") }
        self.shards = shards.sorted { ExactString($0.fileName) < ExactString($1.fileName) }
        if case .number(let number)? = try root.optional("metadata")?.object()["total_size"] {
            totalByteCount = number.integer() ?? UInt64(exactly: number.double)
        } else {
            totalByteCount = nil
        }
    }

    /// One component of a path, which leads nowhere but into the folder. A backslash would separate components elsewhere.
    static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0 == "\0" }
    }

    private static func failure(
        _ map: JSONCursor, _ name: String, _ what: String, expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) throws(IsomerError) -> IsomerError {
        try map.required(name).failure(what, expected: expected, found: found, remedy: remedy)
    }
}
