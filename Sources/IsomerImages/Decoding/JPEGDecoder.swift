internal import CJPEG
internal import CKernels
internal import IsomerBytes

/// JPEG as libjpeg decodes it: accurate integer transform, smooth chroma upsampling, which is what Pillow and OpenCV use too. Plain files are
/// decoded here, to the same bytes in two thirds of the time; libjpeg does all others, and says what is wrong with those that are broken.
enum JPEGDecoder {
    /// Scans a file may have. Real ones need fewer than 100; each costs a pass over the whole picture.
    private static let scanLimit: Int32 = 500

    static func decode(
        _ bytes: [UInt8], _ options: DecodeOptions, level: isomer_level = isomer_level_current()
    ) throws(IsomerError) -> DecodedImage {
        let result: Result<DecodedImage, IsomerError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(IsomerError) in try decode(buffer, bytes, options, level) }
        }
        return try result.get()
    }

    private static func decode(
        _ buffer: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8], _ options: DecodeOptions, _ level: isomer_level
    ) throws(IsomerError) -> DecodedImage {
        var denominator: Int32 = 1
        if case .factor(let factor) = options.shrink {
            guard [1, 2, 4, 8].contains(factor) else {
                throw IsomerError(.usage, "a JPEG shrinks by 1, 2, 4 or 8 while it is decoded", found: "\(factor)")
            }
            denominator = Int32(factor)
        }
        if case .covering(let wanted) = options.shrink {
            let header = try Reader(buffer, scanLimit, options.limits)
            let info = try header.start(denominator: 1)
            // Reference: Pillow 13.0.0 JpegImagePlugin `draft`: the largest of 8, 4, 2, 1 that leaves both sides large enough.
            let room = min(Int(info.width) / max(1, wanted.width), Int(info.height) / max(1, wanted.height))
            denominator = [8, 4, 2].first { Int($0) <= room } ?? 1
        }

        let reader = try Reader(buffer, scanLimit, options.limits)
        let info = try reader.start(denominator: denominator)
        try ImageDecoder.check(info.width, info.height, channels: Int(info.output_components), options.limits)
        // Every block of 64 pixels takes a bit at least. A file of kilobytes with hundreds of millions of pixels has next to none of them.
        let pixels = UInt64(info.width) * UInt64(info.height)
        guard pixels <= 16 << 20 || pixels / 1024 <= UInt64(buffer.count) else {
            throw IsomerError(
                .malformed, "the file is far too short for its picture", expected: "at least \(pixels / 512) bytes for \(pixels) pixels",
                found: "\(buffer.count) bytes", remedy: "the file is cut short or made to exhaust memory: get it again")
        }
        // Rows of CMYK are turned into RGB where they lie.
        let stored = Int(info.output_components)
        let channels: PixelChannels = stored == 1 ? .gray : stored == 3 ? .rgb : .rgba
        var bitmap = try Bitmap(
            uninitialized: Int(info.output_width), Int(info.output_height), channels, limits: options.limits)
        // Of a picture in colour, whose rows come in the order in which they stay, the columns are reduced as well.
        var reduction: ColumnReduction?
        if let side = options.overviewSide, stored == 3, isomer_sequential_pays(level) {
            let height = PictureOverview.fitted(bitmap.size, into: side).height
            if height < bitmap.height { reduction = try ColumnReduction(bitmap, height: height) }
        }
        let isPlain = isomer_sequential_pays(level) && readSequential(buffer, into: bitmap, denominator, level, reduction)
        let (rowsDone, failure) =
            isPlain
            ? (bitmap.height, nil)
            : reader.read(into: bitmap.target, stride: bitmap.rowBytes, stopsAtDamage: !options.allowTruncated)

        var warnings: [String] = []
        let isDamaged = failure != nil || reader.damage != 0
        if isDamaged {
            let error = failure ?? reader.error(.malformed, reader.damage & 1 != 0 ? "the picture is cut short" : "the picture is damaged")
            guard options.allowTruncated, error.code == .malformed, rowsDone > 0 else { throw error }
            // What never came is gray, as libjpeg itself fills it.
            let missing = bitmap.height - rowsDone
            (bitmap.target + rowsDone * bitmap.rowBytes).update(repeating: 128, count: missing * bitmap.rowBytes)
            warnings.append("a part of the picture is missing or damaged: \(reader.message)")
        } else if !reader.message.isEmpty {
            warnings.append("the file breaks a rule of JPEG without harm: \(reader.message)")
        }

        let segments = JPEGSegments(bytes, limit: options.limits.pictureChunkBytes)
        if stored == 4 { bitmap = try bitmap.convertedFromInvertedCMYK() }
        var image = DecodedImage(
            bitmap: bitmap, format: .jpeg, storedSize: PixelSize(Int(info.width), Int(info.height)),
            orientation: segments.exif.flatMap { EXIF($0)?.orientation } ?? .upright, exif: segments.exif, profile: nil,
            warnings: warnings, isTruncated: isDamaged)
        if isPlain { image.columns = reduction?.result }
        if let profile = segments.profile {
            if stored == 4 {
                image.warnings.append("the colour profile is for CMYK: colours were converted without it")
            } else {
                try image.apply(profile: profile, convert: options.convertToSRGB)
            }
        }
        return image
    }

    /// Decodes a plain file into a bitmap of its size. Answers whether it was one, and whole; if not, anything may be in the bitmap.
    static func readSequential(
        _ buffer: UnsafeBufferPointer<UInt8>, into bitmap: Bitmap, _ denominator: Int32, _ level: isomer_level,
        _ reduction: ColumnReduction? = nil
    ) -> Bool {
        var header = isomer_sequential_header()
        guard denominator <= 2, let base = buffer.baseAddress, isomer_sequential_read(base, buffer.count, &header) else { return false }
        let divisor = UInt32(denominator)
        guard (header.width + divisor - 1) / divisor == bitmap.width, (header.height + divisor - 1) / divisor == bitmap.height,
            header.components == bitmap.channels.count,
            let scratch = PixelStorage(count: isomer_sequential_scratch(&header, buffer.count, divisor))
        else { return false }
        defer { withExtendedLifetime(scratch) {} }
        func decode(_ progress: isomer_sequential_progress?, _ context: UnsafeMutableRawPointer?) -> Bool {
            isomer_sequential_decode(
                level, base, buffer.count, &header, divisor, bitmap.target, bitmap.rowBytes, scratch.base, progress, context)
        }
        return reduction?.whileDecoding { decode($0, $1) } ?? decode(nil, nil)
    }

    /// One libjpeg decoder, closed when it goes.
    private struct Reader: ~Copyable {
        private let handle: OpaquePointer

        init(_ buffer: UnsafeBufferPointer<UInt8>, _ scanLimit: Int32, _ limits: Limits) throws(IsomerError) {
            guard let handle = isomer_jpeg_open(buffer.baseAddress, buffer.count, scanLimit, limits.seconds) else {
                throw IsomerError(.limitExceeded, "there is no memory for the picture")
            }
            self.handle = handle
        }

        deinit { isomer_jpeg_close(handle) }

        var message: String { String(cString: isomer_jpeg_message(handle)) }
        var damage: Int32 { isomer_jpeg_damage(handle) }

        func start(denominator: Int32) throws(IsomerError) -> isomer_jpeg_info {
            var info = isomer_jpeg_info()
            let status = isomer_jpeg_start(handle, denominator, &info)
            guard status == isomer_jpeg_ok else { throw error(status) }
            return info
        }

        /// Rows that are there, and why there are no more.
        func read(
            into rows: UnsafeMutablePointer<UInt8>, stride: Int, stopsAtDamage: Bool
        ) -> (rows: Int, failure: IsomerError?) {
            var done: UInt32 = 0
            let status = isomer_jpeg_read(handle, rows, stride, stopsAtDamage ? 1 : 0, &done)
            return (Int(done), status == isomer_jpeg_ok ? nil : error(status))
        }

        func error(_ code: IsomerError.Code, _ what: String) -> IsomerError {
            IsomerError(
                code, what, found: message.isEmpty ? nil : message,
                remedy: code == .malformed ? "get the file again, or allow truncated pictures" : nil)
        }

        private func error(_ status: isomer_jpeg_status) -> IsomerError {
            switch status {
            case isomer_jpeg_unsupported: error(.unsupported, "this kind of JPEG is not read")
            case isomer_jpeg_limit: error(.limitExceeded, "the JPEG asks for too much")
            default: error(.malformed, "this is a broken JPEG")
            }
        }
    }
}

extension Bitmap {
    /// Four inverted channels, as every JPEG with four components has them in practice, as RGB.
    ///
    /// Reference: Pillow 13.0.0: raw mode "CMYK;I" ("assume adobe conventions"), then `convert("RGB")`.
    func convertedFromInvertedCMYK() throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: width, height, .rgb)
        var (from, to) = (source, result.target)
        for _ in 0..<width * height {
            // k' = 255 - k is what is stored; c·k' / 255 is rounded.
            let black = UInt32(from[3])
            for i in 0..<3 {
                let product = (255 &- UInt32(from[i])) &* black &+ 128
                to[i] = UInt8(truncatingIfNeeded: black &- ((product >> 8) &+ product) >> 8)
            }
            from += 4
            to += 3
        }
        return result
    }
}
