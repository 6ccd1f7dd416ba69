internal import IsomerBytes

#if WebP
    internal import CWebP

    /// WebP by libwebp, in builds with the trait `WebP`.
    enum WebPDecoder {
        /// What the file's header says.
        static func features(_ bytes: [UInt8]) throws(IsomerError) -> WebPBitstreamFeatures {
            var features = WebPBitstreamFeatures()
            let status = bytes.withUnsafeBufferPointer { WebPGetFeatures($0.baseAddress, $0.count, &features) }
            guard status == VP8_STATUS_OK, features.width > 0, features.height > 0 else {
                throw IsomerError(.malformed, "this is a broken WebP", found: name(status), remedy: "get the file again")
            }
            return features
        }

        static func decode(_ bytes: [UInt8], _ options: DecodeOptions, _ planner: RowPlanner) throws(IsomerError) -> DecodedRows {
            let features = try features(bytes)
            guard features.has_animation == 0 else {
                throw IsomerError(
                    .unsupported, "this is an animation", expected: "one picture", found: "several frames",
                    remedy: "export one frame as PNG")
            }
            let hasAlpha = features.has_alpha != 0
            try ImageDecoder.check(UInt32(features.width), UInt32(features.height), channels: hasAlpha ? 4 : 3, options.limits)
            let bitmap = try Bitmap(
                uninitialized: Int(features.width), Int(features.height), hasAlpha ? .rgba : .rgb, limits: options.limits)
            // What never comes is transparent or black, not what was there before.
            if options.allowTruncated { bitmap.target.update(repeating: 0, count: bitmap.byteCount) }
            let (status, rowsDone) = read(bytes, into: bitmap)
            var warnings: [String] = []
            if status != VP8_STATUS_OK {
                guard options.allowTruncated, rowsDone > 0 else {
                    throw IsomerError(
                        .malformed, status == VP8_STATUS_SUSPENDED ? "the picture is cut short" : "this is a broken WebP",
                        found: name(status), remedy: "get the file again, or allow truncated pictures")
                }
                warnings.append("a part of the picture is missing or damaged: \(name(status))")
            }
            let chunks = WebPChunks(bytes, limit: options.limits.pictureChunkBytes)
            let colours =
                chunks.profile.map {
                    ColourTreatment(profile: $0, bitmap.channels, .uint8, convert: options.convertToSRGB)
                } ?? ColourTreatment()
            let orientation = chunks.exif.flatMap { EXIF($0)?.orientation } ?? .upright
            var rows = DecodedRows(
                format: .webp, storedSize: bitmap.size, orientation: orientation, exif: chunks.exif, profile: colours.profile,
                warnings: warnings + [colours.warning].compactMap(\.self), isTruncated: status != VP8_STATUS_OK)
            try rows.show(bitmap, colours, options.orient ? orientation : .upright, planner)
            return rows
        }

        /// Decodes piece by piece, which tells how many rows of a cut file are there.
        private static func read(_ bytes: [UInt8], into bitmap: Bitmap) -> (status: VP8StatusCode, rows: Int) {
            let mode = bitmap.channels.hasAlpha ? MODE_RGBA : MODE_RGB
            guard let decoder = WebPINewRGB(mode, bitmap.target, bitmap.byteCount, Int32(bitmap.rowBytes)) else {
                return (VP8_STATUS_OUT_OF_MEMORY, 0)
            }
            defer { WebPIDelete(decoder) }
            let status = bytes.withUnsafeBufferPointer { WebPIUpdate(decoder, $0.baseAddress, $0.count) }
            var last: Int32 = 0
            _ = WebPIDecGetRGB(decoder, &last, nil, nil, nil)
            return (status, Int(last))
        }

        private static func name(_ status: VP8StatusCode) -> String {
            switch status {
            case VP8_STATUS_OUT_OF_MEMORY: "no memory"
            case VP8_STATUS_UNSUPPORTED_FEATURE: "an unknown feature"
            case VP8_STATUS_SUSPENDED, VP8_STATUS_NOT_ENOUGH_DATA: "the end of the file"
            default: "damaged data"
            }
        }
    }

    /// The chunks of an extended WebP file beside the picture.
    ///
    /// Grammar: `RIFF size₃₂ WEBP`, then chunks `name₄ size₃₂ data`, filled up to an even size; numbers are little-endian.
    struct WebPChunks {
        private(set) var exif: [UInt8]?
        private(set) var profile: [UInt8]?

        init(_ bytes: [UInt8], limit: UInt64) {
            var position = 12
            while bytes.count - position >= 8 {
                let size = bytes[position + 4..<position + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
                guard size <= bytes.count - position - 8 else { return }
                let data = bytes[position + 8..<position + 8 + size]
                if UInt64(size) <= max(limit, 16 << 20) {
                    switch String(decoding: bytes[position..<position + 4], as: UTF8.self) {
                    // Some writers begin the block as JPEG does.
                    case "EXIF":
                        exif = Array(data.starts(with: JPEGSegments.exifName) ? data.dropFirst(JPEGSegments.exifName.count) : data)
                    case "ICCP": profile = Array(data)
                    default: break
                    }
                }
                position += 8 + size + size % 2
            }
        }
    }
#endif

extension ImageDecoder {
    /// Whether this build reads WebP: it was made with the trait `WebP`.
    public static var readsWebP: Bool {
        #if WebP
            true
        #else
            false
        #endif
    }

    static var readFormats: String { readsWebP ? "JPEG, PNG or WebP" : "JPEG or PNG" }

    /// A format that this build does not read.
    static func unread(_ format: ImageFormat) -> IsomerError {
        let remedy =
            switch format {
            case .gif: "export one frame as PNG"
            case .webp: "convert it to PNG or JPEG first, or build with the trait WebP"
            default: "convert it to PNG or JPEG first"
            }
        return IsomerError(.unsupported, "\(format.name) pictures are not read", expected: readFormats, remedy: remedy)
    }
}
