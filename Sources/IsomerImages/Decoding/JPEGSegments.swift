/// The application segments of a JPEG file that say how to show it.
///
/// Grammar: `FF D8`, then segments `FF marker length₁₆ payload` (length counts itself), any number of `FF` before a marker,
/// until the first scan (`FF DA`). APP1 "Exif\0\0" holds EXIF; APP2 "ICC_PROFILE\0" number count holds a part of the profile.
///
/// Whatever breaks these rules only ends the search: libjpeg decides whether the picture itself can be read.
struct JPEGSegments {
    private(set) var exif: [UInt8]?
    private(set) var profile: [UInt8]?

    init(_ bytes: [UInt8], limit: UInt64) {
        var parts: [Int: ArraySlice<UInt8>] = [:]
        var partCount: Int?
        var position = 2
        while position + 4 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            if marker == 0xFF {
                position += 1
                continue
            }
            // Markers without a length.
            if marker == 0x01 || (0xD0...0xD7).contains(marker) {
                position += 2
                continue
            }
            if marker == 0xDA || marker == 0xD9 { break }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            guard length >= 2, position + 2 + length <= bytes.count else { break }
            let payload = bytes[position + 4..<position + 2 + length]
            if marker == 0xE1, exif == nil, payload.starts(with: Self.exifName) {
                exif = Array(payload.dropFirst(Self.exifName.count))
            }
            if marker == 0xE2, payload.starts(with: Self.profileName), payload.count >= 14 {
                let start = payload.startIndex
                let (number, count) = (Int(payload[start + 12]), Int(payload[start + 13]))
                if partCount == nil { partCount = count }
                if partCount == count, number >= 1, number <= count, parts[number] == nil { parts[number] = payload.dropFirst(14) }
            }
            position += 2 + length
        }
        if let partCount, partCount > 0, parts.count == partCount {
            let whole = (1...partCount).flatMap { parts[$0] ?? [] }
            if UInt64(whole.count) <= max(limit, 16 << 20) { profile = whole }
        }
    }

    static let exifName: [UInt8] = Array("Exif".utf8) + [0, 0]
    static let profileName: [UInt8] = Array("ICC_PROFILE".utf8) + [0]
}
