public import IsomerBytes

/// How to decode a picture.
public struct DecodeOptions: Hashable, Sendable {
    /// How far a JPEG may be shrunk during its inverse transform, which saves most of the decoding.
    public enum Shrink: Hashable, Sendable {
        /// Every pixel.
        case none
        /// 1, 2, 4 or 8 times smaller; sizes round up.
        case factor(Int)
        /// As far as both sides stay at least as large as these, like Pillow's `draft`.
        case covering(PixelSize)
    }

    public var limits = Limits()
    /// Take what there is of a file that is cut short or damaged, instead of refusing it.
    public var allowTruncated = false
    /// Turn the picture as its EXIF says.
    public var orient = true
    /// Convert from the embedded profile, or a PNG's gamma and chromaticities, to sRGB.
    public var convertToSRGB = true
    /// Keep 16-bit samples. Otherwise their high byte is taken.
    public var keep16Bits = false
    public var shrink = Shrink.none

    public init() {}
}

/// A decoded picture, and what its file said about it.
public struct DecodedImage: Sendable {
    public var bitmap: Bitmap
    public var format: ImageFormat
    /// The size in the file, before orientation and shrinking.
    public var storedSize: PixelSize
    /// What the file said, whether it was applied or not.
    public var orientation: Orientation
    /// The file's EXIF block from its byte order on.
    public var exif: [UInt8]?
    /// The profile that still describes the samples: nil when they are sRGB, or were never described.
    public var profile: [UInt8]?
    /// What was wrong with the file, and what was done about it; one sentence each.
    public var warnings: [String]
    /// Whether a part of the picture is missing.
    public var isTruncated: Bool
}

/// Reads pictures.
public enum ImageDecoder {
    /// Decodes a whole file's bytes.
    ///
    /// Throws `malformed` for a damaged or cut file, `unsupported` for an animation or a format that is not read, and
    /// `limitExceeded` before any memory is taken when the picture is larger than `options.limits` allow.
    public static func decode(_ bytes: [UInt8], options: DecodeOptions = DecodeOptions()) throws(IsomerError) -> DecodedImage {
        var kept = Orientation.upright
        let rows = try decode(bytes, options) { layout throws(IsomerError) in
            kept = layout.orientation
            return RowPlan()
        }
        guard let bitmap = rows.bitmap else { throw ResamplingStream.isCut }
        return DecodedImage(
            bitmap: try bitmap.oriented(kept), format: rows.format, storedSize: rows.storedSize, orientation: rows.orientation,
            exif: rows.exif, profile: rows.profile, warnings: rows.warnings, isTruncated: rows.isTruncated)
    }

    /// Decodes a whole file's bytes, and shows the rows as they come to whom `planner` names.
    static func decode(_ bytes: [UInt8], _ options: DecodeOptions, _ planner: RowPlanner) throws(IsomerError) -> DecodedRows {
        switch try format(of: bytes) {
        case .jpeg: return try JPEGDecoder.decode(bytes, options, planner: planner)
        case .png: return try PNGDecoder.decode(bytes, options, planner)
        #if WebP
            case .webp: return try WebPDecoder.decode(bytes, options, planner)
        #endif
        case let other: throw unread(other)
        }
    }

    /// Reads and decodes a file.
    public static func decode(_ path: FilePath, options: DecodeOptions = DecodeOptions()) throws(IsomerError) -> DecodedImage {
        do {
            return try decode(ReadableFile(path).contents(limit: options.limits.pictureBytes), options: options)
        } catch {
            throw error.inFile(path)
        }
    }

    /// The format of some bytes, or a sentence about what they are instead.
    static func format(of bytes: [UInt8]) throws(IsomerError) -> ImageFormat {
        if let format = ImageFormat(signature: bytes) { return format }
        if bytes.isEmpty { throw IsomerError(.malformed, "the file is empty", expected: "a picture", found: "0 bytes") }
        if bytes.starts(with: Array("version https://git-lfs".utf8)) {
            throw IsomerError(
                .malformed, "this is a Git LFS pointer, not the picture itself", byteOffset: 0, remedy: "run `git lfs pull`")
        }
        if bytes.starts(with: [0xFF, 0xD8]) || bytes.starts(with: [0x89, 0x50]) {
            throw IsomerError(.malformed, "the file ends or breaks inside its signature", byteOffset: 0)
        }
        throw IsomerError(.malformed, "this is no picture", byteOffset: 0, expected: readFormats, found: "something else")
    }

    static func hasNoPixels(_ size: String) -> IsomerError { IsomerError(.malformed, "the picture has no pixels", found: size) }

    /// Checks a declared size against the limits before anything of that size is allocated.
    static func check(_ width: UInt32, _ height: UInt32, channels: Int, _ limits: Limits) throws(IsomerError) {
        let pixels = UInt64(width) * UInt64(height)
        guard pixels > 0 else { throw hasNoPixels("\(width)x\(height)") }
        guard pixels <= limits.pixels else {
            throw IsomerError(
                .limitExceeded, "the picture is larger than a picture may be", expected: "at most \(limits.pixels) pixels",
                found: "\(width)x\(height)", remedy: "raise it with --limit pixels=NUMBER if the picture is meant to be that large")
        }
        let bytes = pixels.multipliedReportingOverflow(by: UInt64(channels))
        guard !bytes.overflow, bytes.partialValue <= limits.pictureBytes else {
            throw IsomerError(
                .limitExceeded, "the picture takes more memory than a picture may", expected: "at most \(limits.pictureBytes) bytes",
                found: "\(width)x\(height)")
        }
    }
}
