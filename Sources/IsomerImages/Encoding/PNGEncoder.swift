internal import CKernels
internal import CZlib
public import IsomerBytes

/// How hard to try to make a PNG small.
public enum PNGCompression: Hashable, Sendable {
    /// Adaptive filters and Huffman codes without a search for matches: about a tenth of the time of level 6, and for photographs the same size.
    case photo
    /// zlib's levels 0 to 9, with adaptive filters.
    case level(Int)
}

/// What goes beside the pixels.
public struct ImageMetadata: Hashable, Sendable {
    /// An EXIF block from its byte order on.
    public var exif: [UInt8]?
    /// An ICC profile; nil means sRGB.
    public var profile: [UInt8]?
    /// Text under keywords. PNG only.
    public var texts: [Text] = []

    /// One text.
    public struct Text: Hashable, Sendable {
        /// 1 to 79 Latin characters.
        public var keyword: String
        public var text: String

        public init(_ keyword: String, _ text: String) {
            self.keyword = keyword
            self.text = text
        }
    }

    public init(exif: [UInt8]? = nil, profile: [UInt8]? = nil, texts: [Text] = []) {
        self.exif = exif
        self.profile = profile
        self.texts = texts
    }
}

/// Writes PNG: 8 or 16 bits, gray or colour, with or without alpha. The same bitmap always gives the same bytes.
///
/// Grammar: the signature, then chunks `length₃₂ type₄ data crc₃₂`: IHDR, [iCCP], [eXIf], [tEXt or iTXt]…, IDAT…, IEND.
public enum PNGEncoder {
    /// The bytes of a PNG file of `bitmap`.
    ///
    /// Throws `usage` for samples, sizes, keywords and levels that PNG does not have, and for metadata that no chunk holds.
    public static func encode(_ bitmap: Bitmap, compression: PNGCompression = .photo, metadata: ImageMetadata = ImageMetadata())
        throws(IsomerError) -> [UInt8]
    {
        guard bitmap.samples != .float32 else { throw IsomerError(.usage, "PNG holds no floating-point samples") }
        // Rows are compressed whole, with the byte that tells their filter.
        guard bitmap.rowBytes < Int32.max, bitmap.width <= Int32.max, bitmap.height <= Int32.max else {
            throw IsomerError(.usage, "PNG holds no picture of this size", found: "\(bitmap.size)")
        }
        var output: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        output.reserveCapacity(bitmap.byteCount / 2 + 4096)
        let colourType: UInt8 =
            switch bitmap.channels {
            case .gray: 0
            case .grayAlpha: 4
            case .rgb: 2
            case .rgba: 6
            }
        try appendChunk(
            "IHDR", bigEndian(bitmap.width) + bigEndian(bitmap.height) + [UInt8(8 * bitmap.samples.byteCount), colourType, 0, 0, 0],
            to: &output)
        if let profile = metadata.profile {
            try appendChunk("iCCP", Array("ICC".utf8) + [0, 0] + Deflate.zlib(profile, level: 6), to: &output)
        }
        if let exif = metadata.exif { try appendChunk("eXIf", exif, to: &output) }
        for entry in metadata.texts {
            guard (1...79).contains(entry.keyword.utf8.count), entry.keyword.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
                throw IsomerError(.usage, "PNG holds no text under this keyword", found: entry.keyword)
            }
            let (kind, content) = PNGText.chunk(entry.keyword, entry.text)
            try appendChunk(kind, content, to: &output)
        }
        switch compression {
        case .photo: try appendPhoto(bitmap, to: &output)
        case .level(let level):
            guard (0...9).contains(level) else { throw IsomerError(.usage, "zlib's levels are 0 to 9", found: "\(level)") }
            try appendLevel(bitmap, level, to: &output)
        }
        try appendChunk("IEND", [], to: &output)
        return output
    }

    /// Calls `body` with bands of filtered rows, each row behind its filter's number.
    private static func forEachBand(_ bitmap: Bitmap, _ body: (UnsafeBufferPointer<UInt8>, _ isLast: Bool) throws(IsomerError) -> Void)
        throws(IsomerError)
    {
        let row = bitmap.rowBytes
        let bandRows = max(1, min(bitmap.height, (256 << 10) / (row + 1)))
        let pixel = bitmap.channels.count * bitmap.samples.byteCount
        var filtered = [UInt8](repeating: 0, count: bandRows * (row + 1))
        var scratch = [UInt8](repeating: 0, count: 5 * row)
        var swapped = [UInt8](repeating: 0, count: bitmap.samples == .uint16 ? 2 * row : 0)
        let zeros = [UInt8](repeating: 0, count: row)
        for top in stride(from: 0, to: bitmap.height, by: bandRows) {
            let rows = min(bandRows, bitmap.height - top)
            filtered.withUnsafeMutableBufferPointer { filtered in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    swapped.withUnsafeMutableBufferPointer { swapped in
                        zeros.withUnsafeBufferPointer { zeros in
                            guard let output = filtered.baseAddress, let work = scratch.baseAddress, let empty = zeros.baseAddress else {
                                return
                            }
                            // SAFETY: a row is `row` bytes of the picture or of `swap`, and becomes one more; `work` is what the filters want.
                            for y in top..<top + rows {
                                var current = bitmap.source + y * row
                                var prior = y == 0 ? empty : bitmap.source + (y - 1) * row
                                // PNG's 16-bit samples begin with their high byte.
                                if bitmap.samples == .uint16, let swap = swapped.baseAddress {
                                    for i in stride(from: 0, to: row, by: 2) {
                                        (swap[i], swap[i + 1]) = (current[i + 1], current[i])
                                        if y > 0 { (swap[row + i], swap[row + i + 1]) = (prior[i + 1], prior[i]) }
                                    }
                                    current = UnsafePointer(swap)
                                    if y > 0 { prior = UnsafePointer(swap + row) }
                                }
                                isomer_png_filter_row(current, prior, row, pixel, output + (y - top) * (row + 1), work)
                            }
                        }
                    }
                }
            }
            let result: Result<Void, IsomerError> = filtered.withUnsafeBufferPointer { filtered in
                Result { () throws(IsomerError) in
                    try body(UnsafeBufferPointer(rebasing: filtered[..<(rows * (row + 1))]), top + rows == bitmap.height)
                }
            }
            try result.get()
        }
    }

    private static func appendPhoto(_ bitmap: Bitmap, to output: inout [UInt8]) throws(IsomerError) {
        var state = isomer_deflate_state()
        var checksum: UInt = 1
        var tokens = [UInt16](repeating: 0, count: Int(ISOMER_DEFLATE_TOKENS))
        // A window of 32 KiB and no dictionary; 0x7801 is a multiple of 31, as it must be.
        var head: [UInt8] = [0x78, 0x01]
        try forEachBand(bitmap) { (band: UnsafeBufferPointer<UInt8>, isLast: Bool) throws(IsomerError) in
            checksum = adler32(checksum, band.baseAddress, UInt32(band.count))
            let packed = [UInt8](unsafeUninitializedCapacity: 2 + isomer_deflate_runs_bound(band.count) + 4) { buffer, count in
                // SAFETY: the kernel writes no more than its bound says; the head and the checksum have the six bytes beside it.
                guard let base = buffer.baseAddress else { return }
                for (i, byte) in head.enumerated() { base[i] = byte }
                count = head.count
                count += tokens.withUnsafeMutableBufferPointer { tokens in
                    isomer_deflate_runs(&state, band.baseAddress, band.count, isLast ? 1 : 0, base + count, tokens.baseAddress)
                }
                if isLast {
                    for shift in [24, 16, 8, 0] as [UInt] {
                        base[count] = UInt8(truncatingIfNeeded: checksum >> shift)
                        count += 1
                    }
                }
            }
            head = []
            try appendChunk("IDAT", packed, to: &output)
        }
    }

    private static func appendLevel(_ bitmap: Bitmap, _ level: Int, to output: inout [UInt8]) throws(IsomerError) {
        var deflate = try Deflate(level: level)
        try forEachBand(bitmap) { (band: UnsafeBufferPointer<UInt8>, isLast: Bool) throws(IsomerError) in
            try appendChunk("IDAT", deflate.compress(band, isLast: isLast), to: &output)
        }
    }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func appendChunk(_ type: String, _ data: [UInt8], to output: inout [UInt8]) throws(IsomerError) {
        guard data.count <= Int32.max else {
            throw IsomerError(.usage, "a chunk of a PNG holds no more than 2³¹ − 1 bytes", item: type, found: "\(data.count) bytes")
        }
        output += bigEndian(data.count)
        let start = output.count
        output += Array(type.utf8)
        output += data
        let checksum = output.withUnsafeBytes { bytes in
            bytes.baseAddress.map { isomer_crc32(isomer_level_current(), 0, $0 + start, bytes.count - start) } ?? 0
        }
        output += bigEndian(Int(checksum))
    }
}
