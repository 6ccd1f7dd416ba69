internal import IsomerBytes

/// SentencePiece's compiled character map: a double array of prefixes and the texts that they become.
///
///     map   = trie-size(u32) trie texts
///     trie  = unit(u32)*
///     texts = *( text NUL )
///
/// Reference: google/sentencepiece `normalizer.cc`, `darts.h`, 0.2.
struct PrecompiledMap: Sendable {
    /// The map as it stands in files.
    let source: [UInt8]
    private let units: [UInt32]
    private let texts: ArraySlice<UInt8>

    /// Throws `malformed` if the sizes do not fit. What the trie says is checked where it is followed.
    init(_ bytes: [UInt8]) throws(IsomerError) {
        source = bytes
        guard !bytes.isEmpty else {
            units = []
            texts = []
            return
        }
        var reader = ByteReader(bytes)
        let size = try reader.read(UInt32.self, "the size of the character map")
        guard size % 4 == 0, Int(size) <= reader.remaining else {
            throw IsomerError(
                .malformed, "the compiled character map is cut short", expected: "a multiple of 4 up to \(reader.remaining)",
                found: "\(size)")
        }
        var units: [UInt32] = []
        units.reserveCapacity(Int(size) / 4)
        for _ in 0..<size / 4 { units.append(try reader.read(UInt32.self, "the character map")) }
        self.units = units
        texts = bytes[(4 + Int(size))...]
    }

    /// The shortest or the longest prefix of `key` that has a text: how long it is, and the text.
    func prefix(of key: ArraySlice<UInt8>, longest: Bool) -> (count: Int, text: ArraySlice<UInt8>)? {
        guard let root = units.first else { return nil }
        var place = Self.offset(root)
        var best: (count: Int, value: Int)?
        for (index, byte) in key.enumerated() {
            if byte == 0 { break }
            place ^= Int(byte)
            guard units.indices ~= place else { return nil }
            let unit = units[place]
            guard unit & 0x8000_00FF == UInt32(byte) else { break }
            place ^= Self.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard units.indices ~= place else { return nil }
            best = (index + 1, Int(units[place] & 0x7FFF_FFFF))
            if !longest { break }
        }
        guard let best, best.value < texts.count else { return nil }
        let tail = texts[(texts.startIndex + best.value)...]
        return (best.count, tail.prefix { $0 != 0 })
    }

    private static func offset(_ unit: UInt32) -> Int {
        Int(unit >> 10) << Int((unit & 0x200) >> 6)
    }

    /// Normalises as the crate tokenizers does, which is not quite as SentencePiece does: a grapheme of fewer than six bytes becomes what
    /// its shortest mapped prefix becomes, whatever follows that prefix; in longer ones each character is looked up by itself.
    ///
    /// Reference: huggingface/tokenizers `normalizers/precompiled.rs`, 0.23.
    func normalize(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        changes.reserveCapacity(text.bytes.count)
        var isModified = false
        func put(_ old: Int, _ new: ArraySlice<UInt8>) {
            isModified = true
            let scalars = String(decoding: new, as: UTF8.self).unicodeScalars
            let start = changes.count
            for (index, scalar) in scalars.enumerated() { changes.append((scalar, index < old ? 0 : 1)) }
            // The last character put so far stands before what is gone, even if it belongs to what came before.
            if scalars.count < old, let last = changes.indices.last {
                changes[last].change += scalars.count - old
                if changes.count == start, scalars.isEmpty, changes[last].change > 0 { changes[last].change = 0 }
            }
        }
        for character in String(decoding: text.bytes, as: UTF8.self) {
            let grapheme = Array(character.utf8)
            let scalars = character.unicodeScalars
            if grapheme.count < 6, let found = prefix(of: grapheme[...], longest: false) {
                put(scalars.count, found.text)
                continue
            }
            for scalar in scalars {
                if let found = prefix(of: Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)[...], longest: false) {
                    put(1, found.text)
                } else {
                    changes.append((scalar, 0))
                }
            }
        }
        if isModified { text.transform(changes) }
    }
}
