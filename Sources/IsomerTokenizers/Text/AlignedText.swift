/// Text on its way through normalisation that remembers, for each of its bytes, which bytes of the prompt it came from.
///
/// The rules by which ranges follow insertions and removals are those of the crate tokenizers' `NormalizedString`, because offsets are
/// compared with it. Reference: huggingface/tokenizers `tokenizer/normalizer.rs`, 0.23.
struct AlignedText: Sendable {
    /// A character of the new text and what became of the old one: 0 if it takes the place of the next old character, positive if it is
    /// new, negative if it takes the place of the next old one and this many old ones after it are gone.
    typealias Change = (scalar: Unicode.Scalar, change: Int)

    /// The text, UTF-8.
    private(set) var bytes: [UInt8]
    /// For each byte, where its character starts in the prompt.
    private(set) var starts: [UInt32]
    /// For each byte, where its character ends in the prompt.
    private(set) var ends: [UInt32]
    /// Where this piece starts in the prompt.
    let origin: Int

    private init(bytes: [UInt8], starts: [UInt32], ends: [UInt32], origin: Int) {
        self.bytes = bytes
        self.starts = starts
        self.ends = ends
        self.origin = origin
    }

    /// A prompt, of at most 4 GiB.
    init(_ prompt: [UInt8]) {
        bytes = prompt
        starts = []
        ends = []
        origin = 0
        starts.reserveCapacity(prompt.count)
        ends.reserveCapacity(prompt.count)
        var start = 0
        while start < prompt.count {
            var end = start + 1
            while end < prompt.count, prompt[end] & 0xC0 == 0x80 { end += 1 }
            for _ in start..<end {
                starts.append(UInt32(truncatingIfNeeded: start))
                ends.append(UInt32(truncatingIfNeeded: end))
            }
            start = end
        }
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// The characters with the byte at which each starts.
    var scalars: [(offset: Int, scalar: Unicode.Scalar)] {
        var result: [(Int, Unicode.Scalar)] = []
        result.reserveCapacity(bytes.count)
        var offset = 0
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            result.append((offset, scalar))
            offset += UTF8.width(scalar)
        }
        return result
    }

    /// The part of the text in `range`, which lies between characters.
    func slice(_ range: Range<Int>) -> AlignedText {
        AlignedText(
            bytes: Array(bytes[range]), starts: Array(starts[range]), ends: Array(ends[range]),
            origin: range.isEmpty ? origin : Int(starts[range.lowerBound]))
    }

    /// The bytes of the prompt that `range` came from.
    func origin(of range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty, range.upperBound <= bytes.count else { return origin + range.lowerBound..<origin + range.upperBound }
        let (start, end) = (Int(starts[range.lowerBound]), Int(ends[range.upperBound - 1]))
        return start..<max(start, end)
    }

    /// Puts `changes` in the place of the whole text, after dropping `dropped` characters at the start.
    mutating func transform(_ changes: [Change], dropped: Int = 0) {
        transform(0..<bytes.count, changes, dropped: dropped)
    }

    /// Puts `changes` in the place of the characters in `range`.
    mutating func transform(_ range: Range<Int>, _ changes: [Change], dropped: Int = 0) {
        var position = range.lowerBound
        for _ in 0..<dropped { position += width(at: position) }
        // Characters that are replaced or removed are read here; ranges are looked up there.
        var offset = position
        var newBytes: [UInt8] = []
        var newStarts: [UInt32] = []
        var newEnds: [UInt32] = []
        newBytes.reserveCapacity(range.count)
        newStarts.reserveCapacity(range.count)
        newEnds.reserveCapacity(range.count)
        for (scalar, change) in changes {
            let source = change > 0 ? offset - 1 : offset
            let (start, end): (UInt32, UInt32) =
                source < 0 ? (0, 0) : source < starts.count ? (starts[source], ends[source]) : (starts.last ?? 0, ends.last ?? 0)
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                newBytes.append(byte)
                newStarts.append(start)
                newEnds.append(end)
            }
            if change <= 0 {
                for _ in 0...(-change) { offset += width(at: offset) }
            }
        }
        bytes.replaceSubrange(range, with: newBytes)
        starts.replaceSubrange(range, with: newStarts)
        ends.replaceSubrange(range, with: newEnds)
    }

    private func width(at offset: Int) -> Int {
        guard offset < bytes.count else { return 0 }
        return switch bytes[offset] {
        case ..<0x80: 1
        case ..<0xE0: 2
        case ..<0xF0: 3
        default: 4
        }
    }

    /// Keeps only the characters for which `isKept` is true.
    mutating func filter(_ isKept: (Unicode.Scalar) -> Bool) {
        var removed = 0
        var dropped = 0
        var changes: [Change] = []
        var last: Unicode.Scalar?
        for (_, scalar) in scalars {
            guard isKept(scalar) else {
                removed += 1
                continue
            }
            if let last { changes.append((last, -removed)) } else { dropped = removed }
            last = scalar
            removed = 0
        }
        if let last { changes.append((last, -removed)) } else { dropped = removed }
        transform(changes, dropped: dropped)
    }

    /// Puts one character in the place of each.
    mutating func map(_ transform: (Unicode.Scalar) -> Unicode.Scalar) {
        self.transform(scalars.map { (transform($0.scalar), 0) })
    }

    /// Adds `text` before the first character, unless there is none.
    mutating func prepend(_ text: String) {
        guard let first = scalars.first?.scalar else { return }
        var changes: [Change] = text.unicodeScalars.enumerated().map { ($1, $0 == 0 ? 0 : 1) }
        changes.append((first, changes.isEmpty ? 0 : 1))
        transform(0..<UTF8.width(first), changes)
    }

    /// Puts `content` in the place of each of `matches`, which are in order and disjoint.
    mutating func replace(_ matches: [Range<Int>], with content: String) {
        let content = Array(content.utf8)
        var newBytes: [UInt8] = []
        var newStarts: [UInt32] = []
        var newEnds: [UInt32] = []
        var last = 0
        for match in matches {
            newBytes += bytes[last..<match.lowerBound]
            newStarts += starts[last..<match.lowerBound]
            newEnds += ends[last..<match.lowerBound]
            // What is put in stands where the last byte that it replaces stood.
            let source = match.upperBound - 1
            newBytes += content
            newStarts += repeatElement(source < 0 ? 0 : starts[source], count: content.count)
            newEnds += repeatElement(source < 0 ? 0 : ends[source], count: content.count)
            last = match.upperBound
        }
        newBytes += bytes[last...]
        newStarts += starts[last...]
        newEnds += ends[last...]
        (bytes, starts, ends) = (newBytes, newStarts, newEnds)
    }

    /// Removes white space at either end.
    mutating func strip(left: Bool, right: Bool) {
        let scalars = scalars
        let leading = left ? scalars.prefix { CharacterClass.isWhiteSpace($0.scalar) }.count : 0
        let trailing = right ? scalars.reversed().prefix { CharacterClass.isWhiteSpace($0.scalar) }.count : 0
        guard leading > 0 || trailing > 0 else { return }
        guard leading < scalars.count else { return transform([], dropped: scalars.count) }
        let kept = scalars[leading..<scalars.count - trailing]
        transform(kept.map { ($0.scalar, 0) }, dropped: leading)
    }
}
