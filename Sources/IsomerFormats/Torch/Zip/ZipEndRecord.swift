internal import IsomerBytes

/// What stands at the end of a zip archive: where its directory is and how many members it has.
///
///     … members … | directory | [zip64 end record | zip64 locator] | end record, comment
///
/// Reference: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
struct ZipEndRecord: Sendable {
    let directoryOffset: UInt64
    let directorySize: UInt64
    let memberCount: UInt64

    static let signature: [UInt8] = [0x50, 0x4B, 0x05, 0x06]
    static let size: UInt64 = 22
    private static let locatorSignature: UInt32 = 0x0706_4B50
    private static let locatorSize: UInt64 = 20
    private static let zip64Signature: UInt32 = 0x0606_4B50
    private static let zip64Size: UInt64 = 56

    init(_ file: ReadableFile) throws(IsomerError) {
        let position = try ZipEndRecord.find(in: file)
        var reader = ByteReader(try file.bytes(at: position, count: Int(ZipEndRecord.size)), base: position)
        try reader.skip(4, "the end record")
        let disk: UInt16 = try reader.next("the end record")
        let directoryDisk: UInt16 = try reader.next("the end record")
        let countHere: UInt16 = try reader.next("the end record")
        let count: UInt16 = try reader.next("the end record")
        let size: UInt32 = try reader.next("the end record")
        let offset: UInt32 = try reader.next("the end record")
        guard disk == 0 || disk == .max, directoryDisk == 0 || directoryDisk == .max, countHere == count else {
            throw IsomerError(.unsupported, "the zip archive is split over several files", byteOffset: position)
        }
        let end: UInt64
        if let zip64 = try ZipEndRecord.zip64(before: position, in: file) {
            // The small fields are either full or say the same: what differs would be two archives in one.
            let agrees =
                (count == .max || UInt64(count) == zip64.count) && (size == .max || UInt64(size) == zip64.size)
                && (offset == .max || UInt64(offset) == zip64.offset)
            guard agrees else { throw ZipEndRecord.contradiction("the two end records of the zip archive contradict each other", position) }
            (directoryOffset, directorySize, memberCount, end) = (zip64.offset, zip64.size, zip64.count, zip64.position)
        } else {
            (directoryOffset, directorySize, memberCount, end) = (UInt64(offset), UInt64(size), UInt64(count), position)
        }
        let (directoryEnd, overflow) = directoryOffset.addingReportingOverflow(directorySize)
        guard !overflow, directoryEnd == end else {
            throw ZipEndRecord.contradiction(
                "the zip directory does not end where the end record begins", position, expected: "\(end)",
                found: overflow ? "beyond 64 bits" : "\(directoryEnd)")
        }
    }

    /// The end record is the last thing in the file but for its comment.
    private static func find(in file: ReadableFile) throws(IsomerError) -> UInt64 {
        let span = min(file.size, size + UInt64(UInt16.max))
        let tail = try file.bytes(at: file.size - span, count: Int(span))
        var position = tail.count - Int(size)
        while position >= 0 {
            if tail[position] == 0x50, tail[position..<position + 4].elementsEqual(signature) {
                let comment = Int(tail[position + 20]) | Int(tail[position + 21]) << 8
                let offset = file.size - span + UInt64(position)
                guard position + Int(size) + comment == tail.count else {
                    throw IsomerError(
                        .malformed, "there are bytes after the end of the zip archive", byteOffset: offset + size + UInt64(comment),
                        remedy: "the file is damaged or holds something hidden: get it again")
                }
                return offset
            }
            position -= 1
        }
        throw IsomerError(
            .malformed, "the zip archive has no end record", byteOffset: file.size, remedy: "the file is cut short or damaged: get it again"
        )
    }

    private static func zip64(before position: UInt64, in file: ReadableFile) throws(IsomerError) -> (
        offset: UInt64, size: UInt64, count: UInt64, position: UInt64
    )? {
        guard position >= locatorSize else { return nil }
        let locatorPosition = position - locatorSize
        var locator = ByteReader(try file.bytes(at: locatorPosition, count: Int(locatorSize)), base: locatorPosition)
        guard try locator.next("the zip64 locator") == locatorSignature else { return nil }
        let disk: UInt32 = try locator.next("the zip64 locator")
        let recordPosition: UInt64 = try locator.next("the zip64 locator")
        let disks: UInt32 = try locator.next("the zip64 locator")
        guard disk == 0, disks <= 1 else {
            throw IsomerError(.unsupported, "the zip archive is split over several files", byteOffset: locatorPosition)
        }
        guard recordPosition <= locatorPosition, locatorPosition - recordPosition >= zip64Size else {
            throw contradiction("the zip64 locator leads outside the file", locatorPosition, found: "\(recordPosition)")
        }
        var record = ByteReader(try file.bytes(at: recordPosition, count: Int(zip64Size)), base: recordPosition)
        guard try record.next("the zip64 end record") == zip64Signature else {
            throw contradiction("there is no zip64 end record where the locator points", recordPosition)
        }
        let rest: UInt64 = try record.next("the zip64 end record")
        // The size counts what follows it, and may be followed only by the locator.
        guard rest == locatorPosition - recordPosition - 12 else {
            throw contradiction("the zip64 end record does not reach to its locator", recordPosition, found: "\(rest) bytes")
        }
        try record.skip(4, "the zip64 end record")
        let thisDisk: UInt32 = try record.next("the zip64 end record")
        let directoryDisk: UInt32 = try record.next("the zip64 end record")
        let countHere: UInt64 = try record.next("the zip64 end record")
        let count: UInt64 = try record.next("the zip64 end record")
        let size: UInt64 = try record.next("the zip64 end record")
        let offset: UInt64 = try record.next("the zip64 end record")
        guard thisDisk == 0, directoryDisk == 0, countHere == count else {
            throw IsomerError(.unsupported, "the zip archive is split over several files", byteOffset: recordPosition)
        }
        return (offset, size, count, recordPosition)
    }

    private static func contradiction(_ what: String, _ offset: UInt64, expected: String? = nil, found: String? = nil) -> IsomerError {
        IsomerError(
            .malformed, what, byteOffset: offset, expected: expected, found: found, remedy: "the file is damaged: get it again")
    }
}
