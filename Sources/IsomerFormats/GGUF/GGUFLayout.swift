public import IsomerBytes
public import IsomerTensors

/// The head of a GGUF file to be written, and where each tensor goes.
///
/// Byte for byte what gguf's `GGUFWriter` writes for the same keys and tensors in the same order: version 3, alignment 32, every tensor
/// followed by padding.
///
/// What GGUF cannot say of a shape is said in ComfyUI's key: rows that are not whole blocks, and more than four dimensions, which ggml does not
/// know. Such a tensor is stored in rows of 256, or in one row, and `comfy.gguf.orig_shape.NAME` holds its shape.
// Reference: gguf 0.19.0, gguf/gguf_writer.py; city96/ComfyUI-GGUF, loader.py `get_orig_shape`.
public struct GGUFLayout: Sendable {
    /// Everything before the data, padded.
    public let header: [UInt8]
    /// Where each tensor starts in the file, in the order in which the tensors were given.
    public let offsets: [UInt64]
    /// Bytes of the whole file.
    public let byteCount: UInt64

    /// The alignment of every tensor.
    public static let alignment: UInt64 = 32
    /// The version that is written.
    public static let version: UInt32 = 3

    /// - Parameters:
    ///   - tensors: with unique names.
    ///   - keyValues: with unique keys, none of them `general.alignment`, in the order in which they are written.
    /// - Throws: `unsupported` for a type that GGUF has no number for, `usage` for a name or key that comes twice.
    public init(_ tensors: [TensorDescriptor], keyValues: [GGUFKeyValue]) throws(IsomerError) {
        let stored = tensors.map(Self.extents)
        let keyValues = try Self.adding(originalShapesOf: zip(tensors, stored), to: keyValues)
        try Self.checkUnique(tensors.map(\.name), "two tensors have the same name")
        try Self.checkUnique(keyValues.map(\.key), "a key comes twice")

        var head = GGUFHeaderBytes()
        head.append(Self.version)
        head.append(UInt64(tensors.count))
        head.append(UInt64(keyValues.count))
        for entry in keyValues { try head.append(entry) }
        var places: [UInt64] = []
        var end: UInt64 = 0
        for (tensor, extents) in zip(tensors, stored) {
            try head.append(tensor, extents, at: end)
            places.append(end)
            let (sum, overflow) = end.addingReportingOverflow(Self.padded(UInt64(tensor.byteCount)))
            guard !overflow, sum <= UInt64(Int64.max) / 2 else {
                throw IsomerError(.limitExceeded, "the tensors have more bytes in all than a file can hold", item: tensor.name)
            }
            end = sum
        }
        var bytes = head.bytes
        bytes += [UInt8](repeating: 0, count: Int(Self.padded(UInt64(bytes.count))) - bytes.count)
        let start = UInt64(bytes.count)
        header = bytes
        offsets = places.map { $0 + start }
        byteCount = start + end
    }

    static func padded(_ count: UInt64) -> UInt64 { (count + alignment - 1) / alignment * alignment }

    /// The keys in which ComfyUI looks for the shape of tensors that are stored in another one.
    private static func adding(
        originalShapesOf tensors: some Sequence<(TensorDescriptor, [Int])>, to keyValues: [GGUFKeyValue]
    ) throws(IsomerError) -> [GGUFKeyValue] {
        var keyValues = keyValues.filter { !$0.key.utf8.starts(with: GGUFHeader.originalShapePrefix.utf8) }
        for (tensor, extents) in tensors where extents != tensor.shape.dimensions.reversed() {
            var shape: [Int32] = []
            for extent in tensor.shape.dimensions {
                guard let extent = Int32(exactly: extent) else {
                    throw IsomerError(.unsupported, "the shape does not fit into ComfyUI's key for it", item: tensor.name)
                }
                shape.append(extent)
            }
            keyValues.append(GGUFKeyValue(GGUFHeader.originalShapePrefix + tensor.name, .integers(shape)))
        }
        return keyValues
    }

    /// The extents as the file has them, the innermost first.
    private static func extents(of tensor: TensorDescriptor) -> [Int] {
        let dimensions = tensor.shape.dimensions
        let group = tensor.scalarType.group.elementCount
        if dimensions.count <= 4, (dimensions.last ?? 1) % group == 0 { return dimensions.reversed() }
        let count = tensor.shape.elementCount
        // Rows of 256 suit every block type; a descriptor holds whole blocks.
        return count % 256 == 0 && count > 0 ? [256, count / 256] : [count]
    }

    private static func checkUnique(_ names: [String], _ what: String) throws(IsomerError) {
        var seen = Set<ExactString>(minimumCapacity: names.count)
        for name in names where !seen.insert(ExactString(name)).inserted { throw IsomerError(.usage, what, item: name) }
    }
}

/// The head of a file as it grows: numbers are little-endian, texts stand behind their length in bytes.
private struct GGUFHeaderBytes {
    private(set) var bytes = Array("GGUF".utf8)

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    mutating func append(_ entry: GGUFKeyValue) throws(IsomerError) {
        guard entry.key != GGUFHeader.alignmentKey else {
            throw IsomerError(.usage, "the alignment cannot be chosen", item: entry.key)
        }
        append(entry.key)
        append(entry.value.type.rawValue)
        bytes += entry.value.bytes
    }

    /// What is said of a tensor whose bytes begin at `offset` of the data.
    mutating func append(_ tensor: TensorDescriptor, _ extents: [Int], at offset: UInt64) throws(IsomerError) {
        guard let number = GGUFTensorType.number(of: tensor.scalarType) else {
            throw IsomerError(
                .unsupported, "GGUF has no such type", item: tensor.name, expected: "one of \(GGUFTensorType.list)",
                found: tensor.scalarType.rawValue,
                remedy: tensor.scalarType.kind == .float
                    ? "convert it with --dtype, or write another kind of file"
                    : "leave it out with `isomer prune --drop NAME`, or write another kind of file")
        }
        append(tensor.name)
        append(UInt32(extents.count))
        for extent in extents { append(UInt64(extent)) }
        append(number)
        append(offset)
    }
}
