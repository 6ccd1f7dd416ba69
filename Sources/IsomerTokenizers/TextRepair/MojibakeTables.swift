internal import CEmbedded
internal import IsomerBytes

/// The characters that text is made of when it was read in the wrong encoding, and those encodings.
struct MojibakeTables: Sendable {
    static let shared = MojibakeTables()

    /// Sets of characters by name.
    private(set) var classes: [String: Set<UInt32>] = [:]
    /// Single-byte encodings in the order in which they are tried.
    private(set) var encodings: [SingleByteEncoding] = []
    /// HTML's names of characters in capitals, with their semicolon.
    private(set) var entities: [String: String] = [:]

    private init() {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_mojibake_bytes(), count: isomer_mojibake_count())
        // The data is part of the program, and tests read it.
        guard let bytes = try? Inflater.inflate(compressed, .gzip, size: .atMost(1 << 20)) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count > 2 else { continue }
            let codes = fields[2...].compactMap { UInt32($0, radix: 16) }
            switch fields[0] {
            case "class": classes[fields[1]] = Set(codes)
            case "page": encodings.append(SingleByteEncoding(name: fields[1], codes: codes))
            case "entity":
                var text = String.UnicodeScalarView()
                text.append(contentsOf: codes.compactMap(Unicode.Scalar.init))
                entities[fields[1]] = String(text)
            default: break
            }
        }
    }

    /// The union of named classes.
    func union(_ names: String) -> Set<UInt32> {
        names.split(separator: " ").reduce(into: []) { $0.formUnion(classes[String($1)] ?? []) }
    }
}

/// An encoding of one byte a character whose first half is ASCII.
struct SingleByteEncoding: Sendable {
    let name: String
    private let bytes: [UInt32: UInt8]
    /// The characters of the bytes 0x80 to 0xFF.
    private let upper: [UInt32]

    /// - Parameter codes: what the bytes 0x80 to 0xFF stand for, then what 0x1A does: some encodings lend it to the replacement character.
    init(name: String, codes: [UInt32]) {
        self.name = name
        upper = Array(codes.prefix(128))
        var bytes: [UInt32: UInt8] = [:]
        for byte in UInt8.min..<0x80 where byte != 0x1A { bytes[UInt32(byte)] = byte }
        for (index, code) in upper.enumerated() { bytes[code] = UInt8(0x80 + index) }
        if let substitute = codes.dropFirst(128).first { bytes[substitute] = 0x1A }
        self.bytes = bytes
    }

    /// Whether bytes without a meaning stand for themselves here.
    var isSloppy: Bool { name.hasPrefix("sloppy") }

    /// The bytes of a text, or `nil` if it has a character that is not there.
    func encode(_ text: [Unicode.Scalar]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            guard let byte = bytes[scalar.value] else { return nil }
            result.append(byte)
        }
        return result
    }

    /// The character of a byte from 0x80.
    func upper(_ byte: UInt8) -> UInt32? { byte >= 0x80 ? upper[Int(byte) - 0x80] : nil }
}
