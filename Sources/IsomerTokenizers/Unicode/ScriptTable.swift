internal import CEmbedded
internal import IsomerBytes

/// Scripts of characters as the pre-tokenizer `UnicodeScripts` knows them: Unicode's of an older edition, with kana among Han.
struct ScriptTable: Sendable {
    static let shared = ScriptTable()

    private var ranges: [(first: UInt32, last: UInt32, script: UInt32)] = []

    private init() {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_unicode_scripts_bytes(), count: isomer_unicode_scripts_count())
        // The data is part of the program, and tests read it.
        guard let bytes = try? Inflater.inflate(compressed, .gzip, size: .atMost(1 << 20)) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).compactMap { UInt32(String(decoding: $0, as: UTF8.self), radix: 16) }
            if fields.count == 3 { ranges.append((fields[0], fields[1], fields[2])) }
        }
        ranges.sort { $0.first < $1.first }
    }

    /// The script's number, or `nil` for a character that fits to any script: a space, an unassigned one.
    func script(of scalar: Unicode.Scalar) -> UInt32? {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < scalar.value { low = middle + 1 } else { high = middle }
        }
        guard low < ranges.count, ranges[low].first <= scalar.value else { return nil }
        return ranges[low].script
    }

    /// Where runs of one script begin. Characters that fit to any belong to the run before them; at the beginning of the text, to none.
    func starts(in text: AlignedText) -> [Int] {
        var starts: [Int] = []
        var last: UInt32?
        for (offset, scalar) in text.scalars {
            guard let script = script(of: scalar) else { continue }
            if script != last { starts.append(offset) }
            last = script
        }
        return starts
    }
}
