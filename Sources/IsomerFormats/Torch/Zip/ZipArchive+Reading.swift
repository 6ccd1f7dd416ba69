public import IsomerBytes
internal import IsomerTensors

extension ZipArchive {
    private static let localSignature: UInt32 = 0x0403_4B50
    private static let localSize = 30

    /// Where the stored bytes of member `index` begin, after checking that its local header says what the directory says.
    public func dataOffset(of index: Int) throws(IsomerError) -> UInt64 {
        guard members.indices.contains(index) else { throw IsomerError(.usage, "there is no such member in the archive", path: file.path) }
        do throws(IsomerError) {
            return try checkedDataOffset(of: index)
        } catch {
            throw error.about(name(of: index)).inFile(file.path)
        }
    }

    private func checkedDataOffset(of index: Int) throws(IsomerError) -> UInt64 {
        let member = members[index]
        let nameBytes = directory[member.nameRange]
        let meaning = "a local header of the zip archive"
        let bytes = try file.bytes(at: member.headerOffset, count: ZipArchive.localSize + nameBytes.count)
        var reader = ByteReader(bytes, base: member.headerOffset)
        guard try reader.next(meaning) == ZipArchive.localSignature else { throw contradiction("there is no local header", member) }
        try reader.skip(2, meaning)
        let flags: UInt16 = try reader.next(meaning)
        let method: UInt16 = try reader.next(meaning)
        try reader.skip(4, meaning)
        let crc: UInt32 = try reader.next(meaning)
        let storedSize: UInt32 = try reader.next(meaning)
        let size: UInt32 = try reader.next(meaning)
        let nameCount: UInt16 = try reader.next(meaning)
        let extraCount: UInt16 = try reader.next(meaning)
        guard Int(nameCount) == nameBytes.count, try reader.take(nameBytes.count, meaning) == nameBytes else {
            throw contradiction("the local header has another name than the directory", member)
        }
        guard method == member.method.rawValue else {
            throw contradiction("the local header has another method than the directory", member)
        }
        guard flags & 1 == 0, (flags & ZipMember.Flag.descriptor != 0) == member.hasDescriptor else {
            throw contradiction("the local header has other flags than the directory", member)
        }
        // With a descriptor the local fields are zero, or already filled in.
        let fields: [(UInt64, UInt64)] = [
            (UInt64(crc), UInt64(member.crc32)), (UInt64(storedSize), member.storedSize), (UInt64(size), member.size),
        ]
        for (position, (local, central)) in fields.enumerated() {
            let isLeftOut = member.hasDescriptor && local == 0 || position > 0 && local == UInt64(UInt32.max)
            guard local == central || isLeftOut else {
                throw contradiction("the local header has another size or checksum than the directory", member)
            }
        }
        let start = member.headerOffset + UInt64(bytes.count) + UInt64(extraCount)
        guard start <= membersEnd, member.storedSize <= membersEnd - start else {
            throw contradiction("the member reaches into the directory", member)
        }
        return start
    }

    private func contradiction(_ what: String, _ member: ZipMember) -> IsomerError {
        IsomerError(
            .malformed, what, byteOffset: member.headerOffset, remedy: "do not use this file: it is damaged or made to deceive")
    }

    /// All plain bytes of member `index`, checked against their sum. Memory is taken only after the size has passed `limit`.
    public func contents(of index: Int, limit: UInt64) throws(IsomerError) -> [UInt8] {
        let start = try dataOffset(of: index)
        do throws(IsomerError) {
            return try checkedContents(of: members[index], from: start, limit: limit)
        } catch {
            throw error.about(name(of: index)).inFile(file.path)
        }
    }

    private func checkedContents(of member: ZipMember, from start: UInt64, limit: UInt64) throws(IsomerError) -> [UInt8] {
        guard member.size <= limit, let count = Int(exactly: member.storedSize) else {
            throw IsomerError(
                .limitExceeded, "the member is larger than it may be", byteOffset: start, expected: "at most \(limit) bytes",
                found: "\(member.size) bytes")
        }
        try checkRatio(of: member, at: start)
        guard
            member.method == .stored
                || member.size <= max(limits.unpackedRatioFloor, member.storedSize.multipliedSaturating(by: limits.unpackedRatio))
        else {
            throw IsomerError(
                .limitExceeded, "the member grows too much when it is decompressed", byteOffset: start,
                expected: "at most \(limits.unpackedRatio) times its \(member.storedSize) bytes", found: "\(member.size) bytes",
                remedy: "do not use this file: it is made to exhaust memory; if you trust it, `--limit unpacked-ratio=2000`")
        }
        let stored = try file.bytes(at: start, count: count)
        let bytes: [UInt8]
        switch member.method {
        case .stored: bytes = stored
        case .deflated: bytes = try Inflater.inflate(stored, .raw, size: .exactly(member.size))
        }
        try check(CRC32(bytes), of: member)
        return bytes
    }

    /// Refuses members that grow more than any honest data does.
    func checkRatio(of member: ZipMember, at offset: UInt64) throws(IsomerError) {
        guard member.method == .deflated, member.size > limits.archiveRatioFloor else { return }
        guard member.size / limits.archiveRatio <= member.storedSize else {
            throw IsomerError(
                .limitExceeded, "the member grows too much when it is decompressed", byteOffset: offset,
                expected: "at most \(limits.archiveRatio) times its \(member.storedSize) bytes", found: "\(member.size) bytes",
                remedy: "do not use this file: it is made to exhaust memory or disk")
        }
    }

    /// Compares a finished sum with the directory's. A sum of 0 means that the writer did not compute one (PyTorch can be told so).
    func check(_ sum: CRC32, of member: ZipMember) throws(IsomerError) {
        guard sum.value == member.crc32 || member.crc32 == 0 else {
            throw IsomerError(
                .mismatch, "the bytes do not have the checksum that the archive promises", byteOffset: member.headerOffset,
                expected: "0x" + member.crc32.hexadecimal, found: "0x" + sum.value.hexadecimal,
                remedy: "the file is damaged: get it again")
        }
    }
}
