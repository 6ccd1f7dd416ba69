/// Where the records of an archive come to lie and what is written around them, byte for byte as PyTorch's zip writer has it.
///
/// Every record begins at a multiple of 64, by a padding field `FB` in its local header. Sizes and checksums follow the data. A record that
/// begins or is as large as 4 GiB has a zip64 field before the padding.
/// Reference: PyTorch 2.13 `caffe2/serialize/inline_container.cc` (`getPadding`), `third_party/miniz-3.0.2/miniz.c`.
struct ZipRecordLayout {
    static let alignment: UInt64 = 64
    static let full = UInt64(UInt32.max)

    /// One record.
    struct Record {
        let name: [UInt8]
        let size: UInt64
        let headerOffset: UInt64
        let header: [UInt8]
        var dataOffset: UInt64 { headerOffset + UInt64(header.count) }
        var isWide: Bool { size >= ZipRecordLayout.full || headerOffset >= ZipRecordLayout.full }
        /// Bytes of what follows the data.
        var descriptorCount: UInt64 { size == 0 ? 0 : isWide ? 24 : 16 }
    }

    private(set) var records: [Record] = []
    /// Where the next record or the directory begins.
    private(set) var end: UInt64 = 0

    /// Places a record behind the others and returns its number.
    @discardableResult
    mutating func add(_ name: String, size: UInt64) -> Int {
        let nameBytes = Array(name.utf8)
        let wide = ZipRecordLayout.wideField(size: size, headerOffset: end)
        let start = end + 30 + UInt64(nameBytes.count) + 4 + UInt64(wide.count)
        let padding = Int((ZipRecordLayout.alignment - start % ZipRecordLayout.alignment) % ZipRecordLayout.alignment)
        var header = ZipBytes()
        header.put(UInt32(0x0403_4B50))
        header.put(UInt16(0))
        header.put(ZipRecordLayout.flags(size: size))
        header.put(UInt16(0))
        header.put(UInt32(0))
        header.put(UInt32(0))
        header.put(UInt32(0))
        header.put(UInt32(0))
        header.put(UInt16(truncatingIfNeeded: nameBytes.count))
        header.put(UInt16(truncatingIfNeeded: wide.count + 4 + padding))
        header.bytes += nameBytes + wide + [0x46, 0x42]
        header.put(UInt16(truncatingIfNeeded: padding))
        header.bytes += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        let record = Record(name: nameBytes, size: size, headerOffset: end, header: header.bytes)
        records.append(record)
        end = record.dataOffset + size + record.descriptorCount
        return records.count - 1
    }

    /// Bytes of the directory and the end records.
    var directoryCount: UInt64 {
        records.reduce(56 + 20 + 22) { sum, record in
            sum + 46 + UInt64(record.name.count + ZipRecordLayout.wideField(size: record.size, headerOffset: record.headerOffset).count)
        }
    }

    private static func flags(size: UInt64) -> UInt16 {
        ZipMember.Flag.unicode | (size == 0 ? 0 : ZipMember.Flag.descriptor)
    }

    /// The zip64 field: of a large record both sizes, of a late one its place.
    private static func wideField(size: UInt64, headerOffset: UInt64) -> [UInt8] {
        guard size >= full || headerOffset >= full else { return [] }
        var values: [UInt64] = []
        if size >= full { values += [size, size] }
        if headerOffset >= full { values.append(headerOffset) }
        var field = ZipBytes()
        field.put(UInt16(1))
        field.put(UInt16(truncatingIfNeeded: values.count * 8))
        for value in values { field.put(value) }
        return field.bytes
    }

    /// What follows the data of record `index`.
    func descriptor(of index: Int, crc32: UInt32) -> [UInt8] {
        let record = records[index]
        guard record.size > 0 else { return [] }
        var descriptor = ZipBytes()
        descriptor.put(UInt32(0x0807_4B50))
        descriptor.put(crc32)
        if record.isWide {
            descriptor.put(record.size)
            descriptor.put(record.size)
        } else {
            descriptor.put(UInt32(truncatingIfNeeded: record.size))
            descriptor.put(UInt32(truncatingIfNeeded: record.size))
        }
        return descriptor.bytes
    }

    /// The directory and the end records.
    func directory(_ sums: [UInt32]) -> [UInt8] {
        var directory = ZipBytes()
        for (record, sum) in zip(records, sums) {
            let wide = ZipRecordLayout.wideField(size: record.size, headerOffset: record.headerOffset)
            directory.put(UInt32(0x0201_4B50))
            directory.put(UInt32(0))
            directory.put(ZipRecordLayout.flags(size: record.size))
            directory.put(UInt16(0))
            directory.put(UInt32(0))
            directory.put(sum)
            directory.put(UInt32(clamping: record.size))
            directory.put(UInt32(clamping: record.size))
            directory.put(UInt16(truncatingIfNeeded: record.name.count))
            directory.put(UInt16(truncatingIfNeeded: wide.count))
            directory.put(UInt16(0))
            directory.put(UInt16(0))
            directory.put(UInt16(0))
            directory.put(UInt32(0))
            directory.put(UInt32(clamping: record.headerOffset))
            directory.bytes += record.name + wide
        }
        let size = UInt64(directory.bytes.count)
        let count = UInt64(records.count)
        directory.put(UInt32(0x0606_4B50))
        directory.put(UInt64(44))
        directory.put(UInt16(0x031E))
        directory.put(UInt16(45))
        directory.put(UInt32(0))
        directory.put(UInt32(0))
        directory.put(count)
        directory.put(count)
        directory.put(size)
        directory.put(end)
        directory.put(UInt32(0x0706_4B50))
        directory.put(UInt32(0))
        directory.put(end + size)
        directory.put(UInt32(1))
        directory.put(UInt32(0x0605_4B50))
        directory.put(UInt32(0))
        directory.put(UInt16(clamping: count))
        directory.put(UInt16(clamping: count))
        directory.put(UInt32(clamping: size))
        directory.put(UInt32(clamping: end))
        directory.put(UInt16(0))
        return directory.bytes
    }
}

/// Little-endian numbers, one behind the other.
struct ZipBytes {
    var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
