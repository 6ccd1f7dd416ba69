public import IsomerBytes
public import IsomerTensors

/// The header of a safetensors file to be written, and where each tensor goes.
///
/// Byte for byte what the reference writes for the same tensors: sorted by type, largest first, then by the bytes of the name; offsets
/// without gaps; compact JSON padded with spaces to a multiple of eight. The reference writes metadata in the random order of its hash
/// table; here they keep the order in which they are given, which is one of those it may choose.
// Reference: safetensors 0.8.0, `prepare` in safetensors/src/tensor.rs, and serde_json's compact formatter.
public struct SafetensorsLayout: Sendable {
    /// Everything before the tensors: the length of the JSON text, the text, and its padding.
    public let header: [UInt8]
    /// Where each tensor starts in the file, in the order in which the tensors were given.
    public let offsets: [UInt64]
    /// Bytes of the whole file.
    public let byteCount: UInt64

    /// - Parameters:
    ///   - tensors: in any order, with unique names.
    ///   - metadata: text for `__metadata__`.
    ///   - writesEmptyMetadata: whether `"__metadata__":{}` stands there if there are none, as the reference does for an empty dictionary.
    ///   - limits: `safetensorsHeaderBytes` is enforced, so that no file is made that readers refuse.
    /// - Throws: `unsupported` for a type that safetensors cannot name, `usage` for a name that comes twice or is reserved,
    ///   `limitExceeded`.
    public init(
        _ tensors: [TensorDescriptor], metadata: FileMetadata = [:], writesEmptyMetadata: Bool = false, limits: Limits = Limits()
    ) throws(IsomerError) {
        let order = try SafetensorsLayout.fileOrder(tensors)
        var text: [UInt8] = [UInt8](repeating: 0, count: 8)
        let writer = JSONWriter()
        text.append(UInt8(ascii: "{"))
        if !metadata.isEmpty || writesEmptyMetadata {
            SafetensorsLayout.write(metadata, writer, to: &text)
        }
        var offsets = [UInt64](repeating: 0, count: tensors.count)
        var end: UInt64 = 0
        for index in order {
            let tensor = tensors[index]
            let begin = end
            let (sum, overflow) = begin.addingReportingOverflow(UInt64(tensor.byteCount))
            guard !overflow, sum <= UInt64(Int64.max) else {
                throw IsomerError(.limitExceeded, "the tensors have more bytes in all than a file can hold", item: tensor.name)
            }
            end = sum
            offsets[index] = begin
            if text.count > 9 { text.append(UInt8(ascii: ",")) }
            writer.write(tensor.name, to: &text)
            let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
            text += ":{\"dtype\":\"\(tensor.scalarType.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}".utf8
        }
        text.append(UInt8(ascii: "}"))
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        let length = UInt64(text.count - 8)
        guard length <= limits.safetensorsHeaderBytes else {
            throw IsomerError(
                .limitExceeded, "the header would be longer than readers of safetensors accept",
                expected: "at most \(limits.safetensorsHeaderBytes) bytes", found: "\(length) bytes",
                remedy: "write fewer tensors or less metadata, or split the tensors over several files")
        }
        for byte in 0..<8 { text[byte] = UInt8(truncatingIfNeeded: length >> (8 * UInt64(byte))) }
        let start = UInt64(text.count)
        self.header = text
        self.offsets = offsets.map { $0 + start }
        self.byteCount = start + end
    }

    /// The order in which the tensors lie in the file.
    private static func fileOrder(_ tensors: [TensorDescriptor]) throws(IsomerError) -> [Int] {
        for tensor in tensors {
            guard ScalarType.safetensorsOrder[tensor.scalarType] != nil else {
                throw IsomerError(
                    .unsupported, "safetensors has no name for the type of this tensor", item: tensor.name,
                    expected: "one of " + ScalarType.safetensorsTypes.map(\.rawValue).joined(separator: ", "),
                    found: tensor.scalarType.rawValue, remedy: "convert it to another type first or write a torch archive")
            }
            guard ExactString(tensor.name) != "__metadata__" else {
                throw IsomerError(
                    .usage, "a tensor in a safetensors file cannot have this name: it stands for the metadata", item: tensor.name,
                    remedy: "rename it")
            }
        }
        let order = tensors.indices.sorted { left, right in
            let (left, right) = (tensors[left], tensors[right])
            guard left.scalarType != right.scalarType else { return ExactString(left.name) < ExactString(right.name) }
            return ScalarType.safetensorsOrder[left.scalarType] ?? 0 > ScalarType.safetensorsOrder[right.scalarType] ?? 0
        }
        var names = Set<ExactString>(minimumCapacity: tensors.count)
        for tensor in tensors where !names.insert(ExactString(tensor.name)).inserted {
            throw IsomerError(.usage, "two tensors have the same name", item: tensor.name, remedy: "rename or drop one of them")
        }
        return order
    }

    private static func write(_ metadata: FileMetadata, _ writer: JSONWriter, to text: inout [UInt8]) {
        text += "\"__metadata__\":{".utf8
        for (position, entry) in metadata.enumerated() {
            if position > 0 { text.append(UInt8(ascii: ",")) }
            writer.write(entry.key, to: &text)
            text.append(UInt8(ascii: ":"))
            writer.write(entry.value, to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }
}
