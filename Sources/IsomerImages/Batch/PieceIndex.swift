internal import IsomerBytes

/// A name's hash, of its bytes: names that only look alike are different ones. Another in each process, so that nobody can make names that meet.
enum NameHash {
    static func of(_ name: String) -> UInt64 {
        var hasher = Hasher()
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

/// Where the named pieces of a file lie, in sixteen bytes each: files of a million lines are looked up in without being held.
///
/// A piece that is found has to be looked at: two names may share a hash.
struct PieceIndex: Sendable {
    struct Piece: Hashable {
        var offset: UInt64
        var count: Int
    }

    private struct Entry {
        var hash: UInt64
        /// The offset in the upper 40 bits, the length in the lower 24.
        var place: UInt64
    }

    private var entries: [Entry] = []

    /// Adds a piece. One that is longer than 16 MiB, or lies behind the first TiB of its file, is none that anybody asks for.
    mutating func insert(_ name: String, offset: UInt64, count: Int) {
        guard offset >> 40 == 0, count >> 24 == 0 else { return }
        entries.append(Entry(hash: NameHash.of(name), place: offset << 24 | UInt64(count)))
    }

    /// Must come between the last piece and the first question.
    mutating func finish() {
        entries.sort { ($0.hash, $0.place) < ($1.hash, $1.place) }
    }

    /// The pieces that may have this name, the last of the file first.
    func pieces(_ name: String) -> [Piece] {
        let hash = NameHash.of(name)
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return entries[low...].prefix { $0.hash == hash }.reversed().map {
            Piece(offset: $0.place >> 24, count: Int($0.place & 0xFF_FFFF))
        }
    }
}

/// Goes through a file of lines a few megabytes at a time.
enum LineReader {
    /// Longer lines are no records, and are passed over.
    private static let longest = 64 << 20

    static func forEachLine(of file: ReadableFile, _ body: (_ line: ArraySlice<UInt8>, _ offset: UInt64) throws(IsomerError) -> Void)
        throws(IsomerError)
    {
        var held: [UInt8] = []
        var start: UInt64 = 0
        while start + UInt64(held.count) < file.size {
            let next = start + UInt64(held.count)
            held += try file.bytes(at: next, count: Int(min(file.size - next, 4 << 20)))
            var from = 0
            while let end = held[from...].firstIndex(of: UInt8(ascii: "\n")) {
                if end > from { try body(held[from..<end], start + UInt64(from)) }
                from = end + 1
            }
            held.removeFirst(from)
            start += UInt64(from)
            if held.count > longest {
                start += UInt64(held.count)
                held = []
            }
        }
        if !held.isEmpty { try body(held[...], start) }
    }
}
