internal import IsomerBytes

/// The bytes of a pickle stream: all in memory, or fetched from a file as far as the stream turns out to reach.
///
/// A legacy checkpoint is a few small pickles followed by gigabytes of weights, with nothing that says where the pickles end. So the input
/// takes the next piece of the file only when an instruction asks for it, and never more than the limit.
struct PickleInput: Sendable {
    private var bytes: [UInt8]
    /// Where in `bytes` the stream begins: what comes before belongs to others.
    private let start: Int
    private let file: ReadableFile?
    /// Where the stream begins in its file, for errors.
    let origin: UInt64
    /// Bytes from `origin` to the end of the file or record.
    private let available: UInt64
    private let limit: UInt64
    /// The next byte, counted from `origin`.
    var position = 0
    /// Whether more bytes were asked for than there are.
    private(set) var isExhausted = false

    private static let pieceBytes: UInt64 = 64 << 10

    init(_ bytes: [UInt8], origin: UInt64 = 0) {
        self.init(bytes, in: bytes.indices, origin: origin)
    }

    /// A stream in a part of `bytes`, which are shared and not copied.
    init(_ bytes: [UInt8], in range: Range<Int>, origin: UInt64 = 0) {
        let range = range.clamped(to: bytes.indices)
        self.bytes = bytes
        self.start = range.lowerBound
        self.file = nil
        self.origin = origin
        self.available = UInt64(range.count)
        self.limit = .max
    }

    /// A stream that begins at `origin` and ends nobody knows where before `end`.
    init(_ file: ReadableFile, from origin: UInt64, to end: UInt64, limit: UInt64) {
        self.bytes = []
        self.start = 0
        self.file = file
        self.origin = origin
        self.available = end > origin ? end - origin : 0
        self.limit = limit
    }

    /// The next byte's position in the file.
    var fileOffset: UInt64 { origin + UInt64(position) }

    /// Whether every byte there is has been consumed.
    var isAtEnd: Bool { UInt64(position) >= available }

    /// Makes sure that `count` bytes follow and are in memory.
    mutating func require(_ count: UInt64, for meaning: @autoclosure () -> String) throws(IsomerError) {
        let left = available - UInt64(position)
        guard count <= left else {
            isExhausted = true
            throw IsomerError(
                .malformed, "the pickle ends inside \(meaning())", byteOffset: fileOffset, expected: "\(count) bytes",
                found: "\(left) bytes",
                remedy: "the file is cut short or damaged: get it again")
        }
        let end = UInt64(position) + count
        if end <= UInt64(bytes.count - start) { return }
        guard end <= limit else {
            throw IsomerError(
                .limitExceeded, "the pickle is longer than a pickle may be", byteOffset: fileOffset, expected: "at most \(limit) bytes",
                found: "at least \(end) bytes")
        }
        try fetch(to: end)
    }

    private mutating func fetch(to end: UInt64) throws(IsomerError) {
        guard let file else { return }
        let loaded = UInt64(bytes.count)
        // Doubling keeps the number of reads small for long pickles, and the first piece small for short ones.
        let wanted = min(available, max(end, loaded + max(loaded, PickleInput.pieceBytes)))
        bytes += try file.bytes(at: origin + loaded, count: Int(wanted - loaded))
    }

    /// The byte at `position`, which `require` has vouched for.
    mutating func nextByte(for meaning: @autoclosure () -> String) throws(IsomerError) -> UInt8 {
        try require(1, for: meaning())
        defer { position += 1 }
        return bytes[start + position]
    }

    /// The next `count` bytes as a range for `slice`.
    mutating func take(_ count: UInt64, for meaning: @autoclosure () -> String) throws(IsomerError) -> Range<Int> {
        try require(count, for: meaning())
        let start = position
        position += Int(count)
        return start..<position
    }

    /// Bytes up to the next line feed, which is consumed too and not part of the range.
    mutating func takeLine(for meaning: @autoclosure () -> String) throws(IsomerError) -> Range<Int> {
        let first = position
        var scan = position
        while true {
            let loaded = Int(min(UInt64(bytes.count - start), available))
            while scan < loaded {
                if bytes[start + scan] == 0x0A {
                    position = scan + 1
                    return first..<scan
                }
                scan += 1
            }
            try require(UInt64(scan - first) + 1, for: meaning())
        }
    }

    func slice(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[start + range.lowerBound..<start + range.upperBound] }
}
