/// The part of an EXIF block that matters here: how to turn the picture, and how to pass the rest on without telling where it was taken.
///
/// Grammar (TIFF 6.0 §2): `II` or `MM`, 42, offset of the first directory; a directory is a count₁₆, then 12-byte entries
/// `tag₁₆ type₁₆ count₃₂ value-or-offset₃₂`, then the next directory's offset.
///
/// A broken block never costs the picture: everything here answers nil instead of failing.
struct EXIF {
    private let bytes: [UInt8]
    private let isBigEndian: Bool

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        switch (bytes[0], bytes[1]) {
        case (0x49, 0x49): isBigEndian = false
        case (0x4D, 0x4D): isBigEndian = true
        default: return nil
        }
        self.bytes = bytes
        guard read16(2) == 42 else { return nil }
    }

    /// The turn that tag 274 asks for, if its value is one of the eight.
    var orientation: Orientation? {
        guard let entry = entries().first(where: { $0.tag == 274 }), entry.count == 1 else { return nil }
        switch entry.type {
        case 3: return read16(entry.offset + 8).flatMap { Orientation(rawValue: $0) }
        case 4: return read32(entry.offset + 8).flatMap { Orientation(rawValue: $0) }
        default: return nil
        }
    }

    /// The text of tag 0x9286 in the EXIF directory: eight bytes that name its encoding, then the text.
    ///
    /// UTF-16 should have the block's byte order, and usually has the big one whatever that is: the zeros of Latin letters tell.
    var userComment: String? {
        guard let pointer = entries().first(where: { $0.tag == 0x8769 }), let directory = read32(pointer.offset + 8),
            let entry = entries(at: directory).first(where: { $0.tag == 0x9286 }), entry.count > 8,
            let start = read32(entry.offset + 8), start <= bytes.count, entry.count <= bytes.count - start
        else { return nil }
        let encoding = bytes[start..<start + 8]
        let text = Array(bytes[start + 8..<start + entry.count])
        guard encoding.starts(with: Array("UNICODE".utf8)) else { return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self) }
        let zeros = stride(from: 0, to: text.count - 1, by: 2).reduce(into: (high: 0, low: 0)) { zeros, index in
            zeros.high += text[index] == 0 ? 1 : 0
            zeros.low += text[index + 1] == 0 ? 1 : 0
        }
        let isBigEndian = zeros.high == zeros.low ? self.isBigEndian : zeros.high > zeros.low
        let units = stride(from: 0, to: text.count - 1, by: 2).map { index in
            let (first, second) = (UInt16(text[index]), UInt16(text[index + 1]))
            return isBigEndian ? first << 8 | second : second << 8 | first
        }
        return String(decoding: units.drop { $0 == 0xFEFF }.prefix { $0 != 0 }, as: UTF16.self)
    }

    /// A block that holds a comment and nothing else.
    static func block(userComment: String) -> [UInt8] {
        func bytes16(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }
        func bytes32(_ value: Int) -> [UInt8] { bytes16(value >> 16) + bytes16(value) }
        func directory(_ tag: Int, _ type: Int, _ count: Int, _ value: Int) -> [UInt8] {
            bytes16(1) + bytes16(tag) + bytes16(type) + bytes32(count) + bytes32(value) + bytes32(0)
        }
        let text = Array("UNICODE".utf8) + [0] + userComment.utf16.flatMap { bytes16(Int($0)) }
        // A header of 8 bytes, and two directories of 18.
        return Array("MM".utf8) + bytes16(42) + bytes32(8) + directory(0x8769, 4, 1, 26) + directory(0x9286, 7, text.count, 44) + text
    }

    /// The same block for a picture that stands upright, without its thumbnail, and without the place unless `keepPlace`.
    func forUprightCopy(keepPlace: Bool) -> [UInt8] {
        var copy = bytes
        func write16(_ value: Int, at offset: Int) {
            guard offset >= 0, offset + 2 <= copy.count else { return }
            copy[offset + (isBigEndian ? 0 : 1)] = UInt8(truncatingIfNeeded: value >> 8)
            copy[offset + (isBigEndian ? 1 : 0)] = UInt8(truncatingIfNeeded: value)
        }
        func clear(_ offset: Int, _ count: Int) {
            guard offset >= 0, count > 0, offset < copy.count else { return }
            for i in offset..<min(copy.count, offset.addingReportingOverflow(count).partialValue) where i >= offset { copy[i] = 0 }
        }
        guard let directory = read32(4), let count = read16(directory) else { return copy }
        let list = entries()
        if let entry = list.first(where: { $0.tag == 274 }) {
            clear(entry.offset + 8, 4)
            write16(3, at: entry.offset + 2)
            write16(1, at: entry.offset + 8)
        }
        // The second directory is the thumbnail of the old picture.
        if let next = read32(directory + 2 + 12 * count), next > 0 {
            for entry in entries(at: next) where entry.tag == 0x0201 {
                let length = entries(at: next).first { $0.tag == 0x0202 }.flatMap { read32($0.offset + 8) } ?? 0
                if let start = read32(entry.offset + 8) { clear(start, length) }
            }
            clear(directory + 2 + 12 * count, 4)
        }
        if !keepPlace, let entry = list.first(where: { $0.tag == 0x8825 }) {
            if let place = read32(entry.offset + 8), let placeCount = read16(place) {
                for item in entries(at: place) {
                    let size = Self.bytes(ofType: item.type)
                    let (total, overflow) = size.multipliedReportingOverflow(by: item.count)
                    if !overflow, total > 4, let start = read32(item.offset + 8) { clear(start, total) }
                }
                clear(place, 2 + 12 * placeCount + 4)
            }
            // Close the gap: a directory's entries follow each other.
            let end = min(copy.count, directory + 2 + 12 * count + 4)
            if entry.offset + 12 <= end {
                let tail = Array(copy[entry.offset + 12..<end])
                copy.replaceSubrange(entry.offset..<entry.offset + tail.count, with: tail)
                clear(entry.offset + tail.count, 12)
                write16(count - 1, at: directory)
            }
        }
        return copy
    }

    private struct Entry {
        var tag: Int
        var type: Int
        var count: Int
        var offset: Int
    }

    private func entries() -> [Entry] {
        guard let directory = read32(4) else { return [] }
        return entries(at: directory)
    }

    private func entries(at directory: Int) -> [Entry] {
        guard let count = read16(directory) else { return [] }
        return (0..<count).prefix(4096).compactMap { index in
            let offset = directory + 2 + 12 * index
            guard let tag = read16(offset), let type = read16(offset + 2), let count = read32(offset + 4), offset + 12 <= bytes.count
            else { return nil }
            return Entry(tag: tag, type: type, count: count, offset: offset)
        }
    }

    private static func bytes(ofType type: Int) -> Int {
        switch type {
        case 3, 8: 2
        case 4, 9, 11: 4
        case 5, 10, 12: 8
        default: 1
        }
    }

    private func read16(_ offset: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        let (a, b) = (Int(bytes[offset]), Int(bytes[offset + 1]))
        return isBigEndian ? a << 8 | b : b << 8 | a
    }

    private func read32(_ offset: Int) -> Int? {
        guard let a = read16(offset), let b = read16(offset + 2) else { return nil }
        return isBigEndian ? a << 16 | b : b << 16 | a
    }
}
