public import IsomerBytes
public import IsomerTensors

/// The plan of a legacy checkpoint: every byte but the weights.
public struct TorchLegacyLayout: Sendable {
    /// The size of the file.
    public let byteCount: UInt64
    /// Where each tensor begins.
    public let offsets: [UInt64]
    /// The pickles.
    let head: [UInt8]
    /// Each storage's element count, before its bytes.
    let lengths: [(offset: UInt64, count: Int)]

    /// Lays out a stream as PyTorch before 1.6 did.
    public init(_ tensors: [TensorDescriptor], root: TorchRoot = .stateDict) throws(IsomerError) {
        let object = try TorchObject.pickle(tensors, root: root, isLegacy: true)
        // Keys are sorted as text, and the storages follow in that order.
        let order = tensors.indices.map { (key: "\($0)", index: $0) }.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let head =
            TorchLegacyLayout.pickle { $0.largeInteger(TorchContents.legacyMagic) }
            + TorchLegacyLayout.pickle { $0.integer(TorchContents.legacyProtocol) } + TorchLegacyLayout.systemInformation() + object
            + TorchLegacyLayout.list(order.map(\.key))
        var offset = UInt64(head.count)
        var offsets = [UInt64](repeating: 0, count: tensors.count)
        var lengths: [(UInt64, Int)] = []
        for (_, index) in order {
            let tensor = tensors[index]
            lengths.append((offset, tensor.scalarType.torchStorage == nil ? tensor.byteCount : tensor.shape.elementCount))
            offsets[index] = offset + 8
            offset += 8 + UInt64(tensor.byteCount)
        }
        self.head = head
        self.offsets = offsets
        self.lengths = lengths
        byteCount = offset
    }

    private static func pickle(_ write: (inout PickleWriter) -> Void) -> [UInt8] {
        var writer = PickleWriter()
        write(&writer)
        writer.put(.stop)
        return writer.bytes
    }

    private static func list(_ keys: [String]) -> [UInt8] {
        pickle { writer in
            writer.put(.emptyList)
            writer.memoize()
            if keys.count == 1 {
                writer.string(keys[0])
                writer.put(.append)
                return
            }
            var rest = keys[...]
            while !rest.isEmpty {
                writer.put(.mark)
                for key in rest.prefix(PickleWriter.batch) { writer.string(key) }
                rest = rest.dropFirst(PickleWriter.batch)
                writer.put(.appends)
            }
        }
    }

    /// What PyTorch says about every machine.
    private static func systemInformation() -> [UInt8] {
        pickle { writer in
            writer.put(.emptyDictionary)
            writer.memoize()
            writer.put(.mark)
            writer.string("protocol_version")
            writer.integer(TorchContents.legacyProtocol)
            writer.string("little_endian")
            writer.bool(true)
            writer.string("type_sizes")
            writer.put(.emptyDictionary)
            writer.memoize()
            writer.put(.mark)
            for (name, size) in [("short", 2), ("int", 4), ("long", 4)] {
                writer.string(name)
                writer.integer(size)
            }
            writer.put(.setItems)
            writer.put(.setItems)
        }
    }
}

/// Writes the stream that PyTorch wrote before 1.6 and still reads.
public final class TorchLegacyWriter: TensorSink {
    public let tensors: [TensorDescriptor]
    public let byteCount: UInt64
    private let file: WritableFile
    private let layout: TorchLegacyLayout

    /// Writes everything but the weights, by a layout made for these very tensors.
    public init(_ file: WritableFile, tensors: [TensorDescriptor], layout: TorchLegacyLayout) throws(IsomerError) {
        try tensors.checkPlaces(layout.offsets, path: file.path)
        self.file = file
        self.tensors = tensors
        self.layout = layout
        self.byteCount = layout.byteCount
        try file.write(layout.head, at: 0)
        for (offset, count) in layout.lengths {
            var length = ZipBytes()
            length.put(Int64(count))
            try file.write(length.bytes, at: offset)
        }
    }

    public func destination(of index: Int) -> Destination? {
        guard tensors.indices.contains(index) else { return nil }
        return Destination(file: file, offset: layout.offsets[index])
    }

    /// Nothing follows the storages.
    public func finish() throws(IsomerError) {}
}
