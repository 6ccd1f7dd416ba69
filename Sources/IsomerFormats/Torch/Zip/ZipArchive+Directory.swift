internal import IsomerBytes

extension ZipArchive {
    static let entrySize = 46
    private static let entrySignature: UInt32 = 0x0201_4B50

    /// Reads the entries of the central directory, which must fill it.
    static func parse(_ directory: [UInt8], count: Int, base: UInt64) throws(IsomerError) -> [ZipMember] {
        var members: [ZipMember] = []
        members.reserveCapacity(count)
        var reader = ByteReader(directory, base: base)
        while members.count < count {
            members.append(try entry(&reader, directory))
        }
        guard reader.remaining == 0 else {
            throw IsomerError(
                .malformed, "the zip directory is longer than its entries", byteOffset: reader.fileOffset, expected: "\(count) entries",
                remedy: "the file is damaged or holds something hidden: get it again")
        }
        return members
    }

    private static func entry(_ reader: inout ByteReader, _ directory: [UInt8]) throws(IsomerError) -> ZipMember {
        let start = reader.fileOffset
        let meaning = "an entry of the zip directory"
        guard reader.remaining >= entrySize, try reader.next(meaning) == entrySignature else {
            throw IsomerError(.malformed, "the zip directory has fewer entries than the end record says", byteOffset: start)
        }
        try reader.skip(4, meaning)
        let flags: UInt16 = try reader.next(meaning)
        let methodCode: UInt16 = try reader.next(meaning)
        try reader.skip(4, meaning)
        let crc: UInt32 = try reader.next(meaning)
        let storedSize: UInt32 = try reader.next(meaning)
        let size: UInt32 = try reader.next(meaning)
        let nameCount: UInt16 = try reader.next(meaning)
        let extraCount: UInt16 = try reader.next(meaning)
        let commentCount: UInt16 = try reader.next(meaning)
        let disk: UInt16 = try reader.next(meaning)
        try reader.skip(6, meaning)
        let offset: UInt32 = try reader.next(meaning)
        let nameStart = reader.position
        let nameBytes = try reader.take(Int(nameCount), meaning)
        let extra = try reader.take(Int(extraCount), meaning)
        try reader.skip(Int(commentCount), meaning)

        let name = try checkedName(nameBytes, at: start)
        let method = try checkedMethod(methodCode, flags: flags, name: name, at: start)
        var wide = ByteReader(try zip64Fields(extra, name: name, at: start), base: start)
        let meaningOfWide = "the zip64 field of \(name)"
        // Each stands there only if its narrow counterpart is full, in this order.
        let plainSize = size == .max ? try wide.next(meaningOfWide) : UInt64(size)
        let packedSize = storedSize == .max ? try wide.next(meaningOfWide) : UInt64(storedSize)
        let headerOffset = offset == .max ? try wide.next(meaningOfWide) : UInt64(offset)
        guard disk == 0 || disk == .max else {
            throw IsomerError(.unsupported, "the zip archive is split over several files", byteOffset: start)
        }
        guard method == .deflated || plainSize == packedSize else {
            throw IsomerError(
                .malformed, "an uncompressed member of the zip archive has two sizes", item: name, byteOffset: start,
                expected: "\(packedSize) bytes", found: "\(plainSize) bytes")
        }
        return ZipMember(
            nameRange: nameStart..<nameStart + Int(nameCount), method: method, crc32: crc, storedSize: packedSize, size: plainSize,
            headerOffset: headerOffset, hasDescriptor: flags & ZipMember.Flag.descriptor != 0)
    }

    /// The content of the zip64 extra field, or nothing.
    private static func zip64Fields(_ extra: ArraySlice<UInt8>, name: String, at offset: UInt64) throws(IsomerError) -> ArraySlice<UInt8> {
        var reader = ByteReader(extra, base: offset)
        // Up to three bytes of padding at the end are common.
        while reader.remaining >= 4 {
            let meaning = "an extra field of \(name)"
            let kind: UInt16 = try reader.next(meaning)
            let count: UInt16 = try reader.next(meaning)
            let content = try reader.take(Int(count), meaning)
            if kind == 1 { return content }
        }
        return []
    }

    /// Names never become paths here, but other programs unpack archives.
    private static func checkedName(_ bytes: ArraySlice<UInt8>, at offset: UInt64) throws(IsomerError) -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw IsomerError(
                .unsupported, "a member of the zip archive has a name that is not UTF-8", item: String(decoding: bytes, as: UTF8.self),
                byteOffset: offset)
        }
        let leadsOutside =
            bytes.first == UInt8(ascii: "/") || bytes.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
        guard !bytes.isEmpty, !leadsOutside, !bytes.contains(0), !bytes.contains(UInt8(ascii: "\\")) else {
            throw IsomerError(
                .malformed, "a member of the zip archive has a name that is no relative path", item: name, byteOffset: offset,
                remedy: "do not unpack this file")
        }
        return name
    }

    private static func checkedMethod(_ code: UInt16, flags: UInt16, name: String, at offset: UInt64) throws(IsomerError)
        -> ZipMember.Method
    {
        guard flags & 1 == 0 else {
            throw IsomerError(.unsupported, "a member of the zip archive is encrypted", item: name, byteOffset: offset)
        }
        guard let method = ZipMember.Method(rawValue: code) else {
            throw IsomerError(
                .unsupported, "a member of the zip archive is compressed in an unusual way", item: name, byteOffset: offset,
                expected: "method 0 or 8", found: "method \(code)", remedy: "pack the archive again without compression")
        }
        let effort = method == .deflated ? ZipMember.Flag.effort : 0
        let unknown = flags & ~(ZipMember.Flag.descriptor | ZipMember.Flag.unicode | effort)
        guard unknown == 0 else {
            throw IsomerError(
                .malformed, "a member of the zip archive has flags that no checkpoint has", item: name, byteOffset: offset,
                found: "0x" + String(unknown, radix: 16))
        }
        return method
    }

    /// Members must begin at the start of the file, follow each other without overlap, and end before the directory.
    static func checkPlaces(_ members: [ZipMember], names: [UInt8], end: UInt64) throws(IsomerError) {
        var order = Array(members.indices)
        if !zip(members, members.dropFirst()).allSatisfy({ $0.headerOffset < $1.headerOffset }) {
            order.sort { members[$0].headerOffset < members[$1].headerOffset }
        }
        let first = order.first.map { members[$0].headerOffset } ?? end
        guard first == 0 else {
            throw IsomerError(
                .malformed, "there are bytes before the first member of the zip archive", byteOffset: 0, expected: "offset 0",
                found: "offset \(first)", remedy: "the file is damaged or holds something hidden: get it again")
        }
        for (position, index) in order.enumerated() {
            let member = members[index]
            let next = position + 1 < order.count ? members[order[position + 1]].headerOffset : end
            let header = UInt64(30 + member.nameRange.count)
            let (start, startOverflow) = member.headerOffset.addingReportingOverflow(header)
            let (stop, stopOverflow) = start.addingReportingOverflow(member.storedSize)
            guard !startOverflow, !stopOverflow, stop <= next else {
                throw IsomerError(
                    .malformed, "a member of the zip archive overlaps what follows it",
                    item: String(decoding: names[member.nameRange], as: UTF8.self), byteOffset: member.headerOffset,
                    expected: "an end before \(next)", found: stopOverflow || startOverflow ? "beyond 64 bits" : "\(stop)",
                    remedy: "the file is cut short, damaged or made to deceive: get it again")
            }
        }
    }
}
