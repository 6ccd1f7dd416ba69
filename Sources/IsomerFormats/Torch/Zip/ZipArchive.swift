public import IsomerBytes

/// A zip archive, read by its central directory.
///
/// Loaders that disagree about what an archive contains are how payloads hide, so everything two readers could see differently is refused:
/// names twice, members that overlap, bytes before the first or after the last, local headers that contradict the directory, encryption and
/// compression other than deflate, sizes that do not fit.
public final class ZipArchive: Sendable {
    /// The file.
    public let file: ReadableFile
    /// The members in the directory's order.
    public let members: [ZipMember]
    /// The central directory, which holds the names.
    let directory: [UInt8]
    let limits: Limits
    private let table: ZipNameTable
    /// Where the members end and the directory begins.
    let membersEnd: UInt64

    /// Reads and checks the directory. Local headers are checked when a member is looked at.
    public convenience init(_ file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            try self.init(checking: file, limits: limits)
        } catch {
            throw error.inFile(file.path)
        }
    }

    private init(checking file: ReadableFile, limits: Limits) throws(IsomerError) {
        let end = try ZipEndRecord(file)
        guard end.memberCount <= UInt64(limits.archiveMembers) else {
            throw IsomerError(
                .limitExceeded, "the archive has more members than an archive may", expected: "at most \(limits.archiveMembers)",
                found: "\(end.memberCount)")
        }
        let smallest = UInt64(ZipArchive.entrySize)
        guard end.memberCount <= end.directorySize / smallest, end.directorySize <= 1 << 30 else {
            throw IsomerError(
                .malformed, "the zip directory's size does not fit its number of members", byteOffset: end.directoryOffset,
                expected: "\(end.memberCount) members", found: "\(end.directorySize) bytes")
        }
        // A local header takes 31 bytes and more. Checked first, because members that overlap can be told of by the ten thousand.
        guard end.memberCount <= end.directoryOffset / 31 else {
            throw IsomerError(
                .malformed, "the zip archive has not room for so many members", byteOffset: end.directoryOffset,
                expected: "at most \(end.directoryOffset / 31)", found: "\(end.memberCount)",
                remedy: "the file is cut short, damaged or made to deceive: get it again")
        }
        let directory = try file.bytes(at: end.directoryOffset, count: Int(end.directorySize))
        let members = try ZipArchive.parse(directory, count: Int(end.memberCount), base: end.directoryOffset)
        try ZipArchive.checkPlaces(members, names: directory, end: end.directoryOffset)
        var duplicate: Int?
        let table = ZipNameTable(members, names: directory, duplicate: &duplicate)
        if let duplicate {
            throw IsomerError(
                .malformed, "two members of the zip archive have the same name",
                item: String(decoding: directory[members[duplicate].nameRange], as: UTF8.self),
                remedy: "do not use this file: readers would disagree about what it contains")
        }
        self.file = file
        self.members = members
        self.directory = directory
        self.limits = limits
        self.table = table
        self.membersEnd = end.directoryOffset
    }

    /// The number of the member called `name`, byte for byte.
    public func index(of name: String) -> Int? {
        table.index(of: Array(name.utf8)[...], members, directory)
    }

    /// The name of member `index`.
    public func name(of index: Int) -> String {
        guard members.indices.contains(index) else { return "" }
        return String(decoding: directory[members[index].nameRange], as: UTF8.self)
    }
}
