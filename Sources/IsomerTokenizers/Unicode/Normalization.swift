internal import CEmbedded
internal import IsomerBytes

/// Unicode's four normal forms, in a chosen edition, with what became of each character.
///
/// Swift's standard library compares strings by canonical equivalence but publishes neither mappings nor normal forms without Foundation,
/// so the mappings travel in the binary (Unicode 14, the newest edition that a reference needs); combining classes are Swift's own.
enum NormalForm: Sendable {
    case nfc, nfd, nfkc, nfkd

    var isCompatible: Bool { self == .nfkc || self == .nfkd }
    var isComposed: Bool { self == .nfc || self == .nfkc }

    /// `scalars` in this form. Characters that came after `edition` are left alone.
    ///
    /// Which character counts as the old one and which as new is as in the crate `unicode-normalization-alignments`: the first of a
    /// decomposition takes the old one's place, and a composition stands for all that went into it.
    func changes(_ scalars: [Unicode.Scalar], edition: (UInt8, UInt8)) -> [AlignedText.Change] {
        let table = DecompositionTable.shared
        var pending: [(scalar: Unicode.Scalar, change: Int, combiningClass: UInt8)] = []
        pending.reserveCapacity(scalars.count + 8)
        // Where the marks start that may still change places.
        var unsorted = 0
        for scalar in scalars {
            var change = 0
            table.decompose(scalar, compatible: isCompatible, edition: edition) { part in
                let combiningClass = part.combiningClass(in: edition)
                if combiningClass == 0 {
                    Self.sort(&pending, from: unsorted)
                    unsorted = pending.count + 1
                }
                pending.append((part, change, combiningClass))
                change = 1
            }
        }
        Self.sort(&pending, from: unsorted)
        guard isComposed else { return pending.map { ($0.scalar, $0.change) } }
        return Self.compose(pending, table, edition)
    }

    /// Puts the marks from `start` in order of their combining classes, keeping the order of equals.
    private static func sort(_ pending: inout [(scalar: Unicode.Scalar, change: Int, combiningClass: UInt8)], from start: Int) {
        guard pending.count - start > 1 else { return }
        // The standard library's sort is stable, and says so.
        pending[start...].sort { $0.combiningClass < $1.combiningClass }
    }

    private static func compose(
        _ parts: [(scalar: Unicode.Scalar, change: Int, combiningClass: UInt8)], _ table: DecompositionTable, _ edition: (UInt8, UInt8)
    ) -> [AlignedText.Change] {
        var result: [AlignedText.Change] = []
        result.reserveCapacity(parts.count)
        // The place in `result` of the character that marks may join, and the class of the last mark that did not.
        var starter: Int?
        var lastClass: UInt8?
        for part in parts {
            if let place = starter, lastClass.map({ $0 < part.combiningClass }) ?? true,
                let whole = table.composition(result[place].scalar, part.scalar), whole.isAssigned(in: edition)
            {
                result[place] = (whole, result[place].change + part.change - 1)
                continue
            }
            if part.combiningClass == 0 {
                starter = result.count
                lastClass = nil
            } else if starter != nil {
                lastClass = part.combiningClass
            }
            result.append((part.scalar, part.change))
        }
        return result
    }
}

extension Unicode.Scalar {
    /// The canonical combining class in `edition`.
    fileprivate func combiningClass(in edition: (UInt8, UInt8)) -> UInt8 {
        guard value >= 0x300, isAssigned(in: edition) else { return 0 }
        return properties.canonicalCombiningClass.rawValue
    }
}

/// The mappings of Unicode 14.
struct DecompositionTable: Sendable {
    static let shared = DecompositionTable()

    /// Where the mapping of a character stands in `mappings`: start and length, the length's highest bit set for a compatibility mapping.
    private var places: [UInt32: (start: Int, count: Int, isCompatible: Bool)] = [:]
    private var mappings: [Unicode.Scalar] = []
    private var compositions: [UInt64: Unicode.Scalar] = [:]

    private init() {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_unicode_decompositions_bytes(), count: isomer_unicode_decompositions_count())
        // The data is part of the program, and tests read all of it.
        guard let bytes = try? Inflater.inflate(compressed, .gzip, size: .atMost(1 << 20)) else { return }
        var reader = ByteReader(bytes)
        while let head = try? reader.read(UInt32.self, "a code point"), let count = try? reader.read(UInt32.self, "a length") {
            let parts = (0..<count).compactMap { _ in (try? reader.read(UInt32.self, "a code point")).flatMap(Unicode.Scalar.init) }
            let code = head & 0x1F_FFFF
            let isCompatible = head >> 31 == 1
            places[code] = (mappings.count, parts.count, isCompatible)
            mappings += parts
            guard !isCompatible, head >> 30 & 1 == 0, parts.count == 2, let whole = Unicode.Scalar(code) else { continue }
            compositions[Self.key(parts[0], parts[1])] = whole
        }
    }

    /// Calls `body` with each character of the full decomposition.
    func decompose(_ scalar: Unicode.Scalar, compatible: Bool, edition: (UInt8, UInt8), _ body: (Unicode.Scalar) -> Void) {
        let value = scalar.value
        if value < 0xA0 { return body(scalar) }
        if 0xAC00..<0xAC00 + 11_172 ~= value { return decomposeHangul(value - 0xAC00, body) }
        guard let place = places[value], compatible || !place.isCompatible, scalar.isAssigned(in: edition) else { return body(scalar) }
        // Mappings nest a few levels deep at most, as Unicode guarantees.
        for part in mappings[place.start..<place.start + place.count] { decompose(part, compatible: compatible, edition: edition, body) }
    }

    private func decomposeHangul(_ syllable: UInt32, _ body: (Unicode.Scalar) -> Void) {
        let parts = [0x1100 + syllable / 588, 0x1161 + syllable % 588 / 28, 0x11A7 + syllable % 28]
        for part in parts.prefix(syllable % 28 == 0 ? 2 : 3).compactMap(Unicode.Scalar.init) { body(part) }
    }

    /// The character that two become, or `nil`.
    func composition(_ left: Unicode.Scalar, _ right: Unicode.Scalar) -> Unicode.Scalar? {
        let (left, right) = (left.value, right.value)
        if 0x1100..<0x1113 ~= left, 0x1161..<0x1176 ~= right {
            return Unicode.Scalar(0xAC00 + ((left - 0x1100) * 21 + right - 0x1161) * 28)
        }
        if 0xAC00..<0xAC00 + 11_172 ~= left, (left - 0xAC00) % 28 == 0, 0x11A8..<0x11C3 ~= right {
            return Unicode.Scalar(left + right - 0x11A7)
        }
        return compositions[UInt64(left) << 32 | UInt64(right)]
    }

    private static func key(_ left: Unicode.Scalar, _ right: Unicode.Scalar) -> UInt64 { UInt64(left.value) << 32 | UInt64(right.value) }
}
