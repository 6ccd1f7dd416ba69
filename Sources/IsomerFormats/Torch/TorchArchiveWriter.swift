public import IsomerBytes
public import IsomerTensors
internal import Synchronization

/// The plan of a torch zip archive: every byte but the weights and their checksums.
public struct TorchArchiveLayout: Sendable {
    /// The size of the file.
    public let byteCount: UInt64
    /// Where each tensor begins.
    public let offsets: [UInt64]
    let plan: Plan

    struct Plan: Sendable {
        let records: ZipRecordLayout
        /// Records known from the start, by number.
        let contents: [(record: Int, bytes: [UInt8])]
        /// The record of each tensor.
        let tensorRecords: [Int]
        /// The last record, an identifier made of the checksums.
        let identifierRecord: Int
    }

    /// Lays out an archive as PyTorch 2.13 does.
    ///
    /// - Parameter name: the folder in the archive; PyTorch takes the file's name without its extension, or `archive`.
    public init(_ tensors: [TensorDescriptor], root: TorchRoot = .stateDict, name: String = "archive") throws(IsomerError) {
        let pickle = try TorchObject.pickle(tensors, root: root, isLegacy: false)
        let isPlainName =
            !name.isEmpty && name.utf8.count < 1_000 && !name.utf8.contains { $0 == 0x2F || $0 == 0x5C || $0 == 0 } && name != ".."
        let folder = isPlainName ? name : "archive"
        var records = ZipRecordLayout()
        var contents: [(Int, [UInt8])] = []
        func add(_ name: String, _ bytes: [UInt8]) {
            contents.append((records.add("\(folder)/\(name)", size: UInt64(bytes.count)), bytes))
        }
        add("data.pkl", pickle)
        add(".format_version", Array("1".utf8))
        add(".storage_alignment", Array("64".utf8))
        add("byteorder", Array("little".utf8))
        var tensorRecords: [Int] = []
        for (index, tensor) in tensors.enumerated() {
            tensorRecords.append(records.add("\(folder)/data/\(index)", size: UInt64(tensor.byteCount)))
        }
        add("version", Array("3\n".utf8))
        let identifier = records.add("\(folder)/.data/serialization_id", size: 40)
        offsets = tensorRecords.map { records.records[$0].dataOffset }
        byteCount = records.end + records.directoryCount
        plan = Plan(records: records, contents: contents, tensorRecords: tensorRecords, identifierRecord: identifier)
    }
}

/// Writes a torch zip archive that `torch.load` reads, with `weights_only=True`, on PyTorch 1.13 to today.
public final class TorchArchiveWriter: TensorSink {
    public let tensors: [TensorDescriptor]
    public let byteCount: UInt64
    private let file: WritableFile
    private let layout: TorchArchiveLayout
    /// Checksums of the tensors, joined from the ranges that have come.
    private let sums: Mutex<[RangeChecksum]>

    /// Writes everything but the weights and checksums, by a layout made for these very tensors.
    public init(_ file: WritableFile, tensors: [TensorDescriptor], layout: TorchArchiveLayout) throws(IsomerError) {
        try tensors.checkPlaces(layout.offsets, path: file.path)
        self.file = file
        self.tensors = tensors
        self.layout = layout
        self.byteCount = layout.byteCount
        self.sums = Mutex([RangeChecksum](repeating: RangeChecksum(), count: tensors.count))
        for record in layout.plan.records.records { try file.write(record.header, at: record.headerOffset) }
        for (record, bytes) in layout.plan.contents {
            try file.write(bytes, at: layout.plan.records.records[record].dataOffset)
        }
    }

    /// Lays the archive out and begins it.
    public convenience init(_ file: WritableFile, tensors: [TensorDescriptor], root: TorchRoot = .stateDict) throws(IsomerError) {
        let layout = try TorchArchiveLayout(tensors, root: root, name: file.path.stem ?? "archive")
        try self.init(file, tensors: tensors, layout: layout)
    }

    public func write(_ bytes: UnsafeRawBufferPointer, to index: Int, at offset: Int) throws(IsomerError) {
        try store(bytes, to: index, at: offset)
        guard !bytes.isEmpty else { return }
        let sum = CRC32(bytes)
        let isNew = sums.withLock { $0[index].add(sum, at: UInt64(offset)) }
        guard isNew else {
            throw IsomerError(
                .usage, "a range of a tensor was written twice", path: file.path, item: tensors[index].name, found: "offset \(offset)")
        }
    }

    public func destination(of index: Int) -> Destination? {
        guard tensors.indices.contains(index) else { return nil }
        return Destination(file: file, offset: layout.offsets[index])
    }

    /// The bytes have to be summed on their way.
    public var seesEveryByte: Bool { true }

    public func finish() throws(IsomerError) {
        let plan = layout.plan
        var all = [UInt32](repeating: 0, count: plan.records.records.count)
        for (record, bytes) in plan.contents { all[record] = CRC32(bytes).value }
        let finished = sums.withLock { $0 }
        for (index, record) in plan.tensorRecords.enumerated() {
            guard let sum = finished[index].total(of: UInt64(tensors[index].byteCount)) else {
                throw IsomerError(.usage, "a part of a tensor was not written", path: file.path, item: tensors[index].name)
            }
            all[record] = sum.value
        }
        let identifier = serializationIdentifier(all)
        all[plan.identifierRecord] = CRC32(identifier).value
        try file.write(identifier, at: plan.records.records[plan.identifierRecord].dataOffset)
        for (index, record) in plan.records.records.enumerated() {
            try file.write(plan.records.descriptor(of: index, crc32: all[index]), at: record.dataOffset + record.size)
        }
        try file.write(plan.records.directory(all), at: plan.records.end)
    }

    /// Twenty digits of a hash of the names and twenty of the checksums, so that equal models have equal identifiers.
    ///
    /// The second half is PyTorch's own. Its first half depends on the standard library's hash and the order of a hash table; here FNV-1a
    /// over the names stands for it.
    private func serializationIdentifier(_ sums: [UInt32]) -> [UInt8] {
        var names: UInt64 = 0xCBF2_9CE4_8422_2325
        var combined: UInt64 = 0
        for (record, sum) in zip(layout.plan.records.records, sums).dropLast() {
            for byte in record.name { names = (names ^ UInt64(byte)) &* 0x100_0000_01B3 }
            combined ^= UInt64(sum) &+ 0x9E37_79B9 &+ (combined << 6) &+ (combined >> 2)
        }
        return Array(
            [names, combined].map { value in
                let digits = String(value)
                return String(repeating: "0", count: 20 - digits.count) + digits
            }.joined().utf8)
    }
}
