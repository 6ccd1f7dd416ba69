public import IsomerBytes
public import IsomerTensors

/// Which tensor goes into which file of a sharded set.
///
/// Tensors are taken in their order; one that would take a file beyond the limit begins the next; one that is larger than the limit gets a
/// file of its own, which comes before the one being filled. (The original also keeps tensors together that share memory; here each has its
/// own.)
// Reference: huggingface_hub 2.4.0, `split_state_dict_into_shards_factory` in serialization/_base.py.
public struct ShardPlan: Sendable {
    /// One file.
    public struct Shard: Hashable, Sendable {
        public let fileName: String
        /// The indices of its tensors, in order.
        public let tensors: [Int]
    }

    /// The files in order, at least one.
    public let shards: [Shard]
    /// Bytes of all tensors.
    public let totalByteCount: UInt64
    /// What the files are called.
    public let naming: ShardNaming

    private let names: [String]

    /// - Parameter maximumShardByteCount: bytes of tensors in one file; `nil` for one file whatever its size.
    /// - Throws: `usage` for a name that comes twice, `limitExceeded` beyond 99,999 files.
    public init(
        _ tensors: [TensorDescriptor], naming: ShardNaming, maximumShardByteCount: UInt64? = nil
    ) throws(IsomerError) {
        let maximum = maximumShardByteCount ?? .max
        var groups: [[Int]] = []
        var current: [Int] = []
        var currentSize: UInt64 = 0
        var total: UInt64 = 0
        var seen = Set<ExactString>(minimumCapacity: tensors.count)
        for (index, tensor) in tensors.enumerated() {
            guard seen.insert(ExactString(tensor.name)).inserted else {
                throw IsomerError(.usage, "two tensors have the same name", item: tensor.name, remedy: "rename or drop one of them")
            }
            let size = UInt64(tensor.byteCount)
            let (sum, overflow) = total.addingReportingOverflow(size)
            guard !overflow else { throw IsomerError(.limitExceeded, "the tensors have too many bytes in all", item: tensor.name) }
            total = sum
            if size > maximum {
                groups.append([index])
                continue
            }
            // Both are parts of `total`, so their sum cannot overflow.
            if currentSize + size > maximum {
                groups.append(current)
                (current, currentSize) = ([], 0)
            }
            current.append(index)
            currentSize += size
        }
        if !current.isEmpty || groups.isEmpty { groups.append(current) }
        guard groups.count <= 99_999 else {
            throw IsomerError(
                .limitExceeded, "there would be more files than their names can count", expected: "at most 99999", found: "\(groups.count)",
                remedy: "allow larger files with `--max-shard-size`")
        }
        shards = groups.enumerated().map { position, group in
            Shard(fileName: naming.fileName(shard: position + 1, of: groups.count), tensors: group)
        }
        totalByteCount = total
        names = tensors.map(\.name)
        self.naming = naming
    }

    /// Whether there is more than one file, and so an index.
    public var isSharded: Bool { shards.count > 1 }

    /// The index, as diffusers and transformers write it. transformers adds the number of parameters.
    // Reference: diffusers 0.42.1, transformers 5.23: `json.dumps(index, indent=2, sort_keys=True) + "\n"`.
    public func indexBytes(parameterCount: Int? = nil) -> [UInt8] {
        var metadata: JSONObject = ["total_size": .number(JSONNumber(totalByteCount))]
        if let parameterCount { metadata["total_parameters"] = .number(JSONNumber(parameterCount)) }
        var map = JSONObject()
        for shard in shards {
            for index in shard.tensors { map[names[index]] = .string(shard.fileName) }
        }
        let writer = JSONWriter(style: .pretty(indent: 2), sortsKeys: true, escapesNonASCII: true)
        return writer.bytes(.object(["metadata": .object(metadata), "weight_map": .object(map)])) + [0x0A]
    }

    /// Reads a size as `--max-shard-size` takes it: `5GB`, `1.5 gb`, `200MB`, decimal units of 1000; a bare whole number counts bytes.
    public static func byteCount(parsing text: String) throws(IsomerError) -> UInt64 {
        let units: [(String, Double)] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)]
        let text = ShardPlan.trimmed(text[...])
        let size: UInt64?
        if let (unit, factor) = units.first(where: { text.uppercased().hasSuffix($0.0) }) {
            let digits = ShardPlan.trimmed(text.dropLast(unit.count))
            let isNumber =
                !digits.isEmpty && digits.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: ".") }
            size = isNumber ? Double(digits).flatMap { UInt64(exactly: ($0 * factor).rounded(.towardZero)) } : nil
        } else {
            size = UInt64(text)
        }
        guard let size, size > 0 else {
            throw IsomerError(
                .usage, "the size of a shard cannot be read", expected: "a number with TB, GB, MB or KB, as 5GB", found: String(text))
        }
        return size
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}
