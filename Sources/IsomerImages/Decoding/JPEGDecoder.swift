internal import CJPEG
internal import CKernels
internal import IsomerBytes

/// JPEG as libjpeg decodes it: accurate integer transform, smooth chroma upsampling, which is what Pillow and OpenCV use too. Plain files are
/// decoded here, to the same bytes in two thirds of the time; libjpeg does all others, and says what is wrong with those that are broken.
enum JPEGDecoder {
    /// Scans a file may have. Real ones need fewer than 100; each costs a pass over the whole picture.
    private static let scanLimit: Int32 = 500

    static func decode(
        _ bytes: [UInt8], _ options: DecodeOptions, level: isomer_level = isomer_level_current(), planner: RowPlanner
    ) throws(IsomerError) -> DecodedRows {
        let result: Result<DecodedRows, IsomerError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(IsomerError) in try decode(buffer, bytes, options, level, planner) }
        }
        return try result.get()
    }

    private static func decode(
        _ buffer: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8], _ options: DecodeOptions, _ level: isomer_level, _ planner: RowPlanner
    ) throws(IsomerError) -> DecodedRows {
        let denominator = try denominator(buffer, options)
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
        let isCMYK = info.output_components == 4
        let segments = JPEGSegments(bytes, limit: options.limits.pictureChunkBytes)
        let orientation = segments.exif.flatMap { EXIF($0)?.orientation } ?? .upright
        let layout = PictureLayout(
            size: PixelSize(Int(info.output_width), Int(info.output_height)), channels: info.output_components == 1 ? .gray : .rgb,
            samples: .uint8, orientation: options.orient ? orientation : .upright)
        var colours = ColourTreatment()
        if let profile = segments.profile {
            colours = isCMYK ? .cmyk : ColourTreatment(profile: profile, layout.channels, .uint8, convert: options.convertToSRGB)
        }
        func newWindow() throws(IsomerError) -> RowWindow {
            let plan = try planner(layout)
            return try RowWindow(
                layout.size, layout.channels, readers: plan.readers, keepsAll: plan.keepsAll, conversion: colours.conversion,
                limits: options.limits)
        }

        let window: RowWindow
        var failure: IsomerError?
        if isomer_sequential_pays(level), let plain = try readSequential(buffer, denominator, level, into: newWindow), reader.damage == 0 {
            window = plain
        } else {
            window = try newWindow()
            failure = try reader.read(into: window, isCMYK: isCMYK, stopsAtDamage: !options.allowTruncated)
        }
        var rows = DecodedRows(
            format: .jpeg, storedSize: PixelSize(Int(info.width), Int(info.height)), orientation: orientation, exif: segments.exif,
            profile: colours.profile, warnings: [], isTruncated: failure != nil || reader.damage != 0)
        if rows.isTruncated {
            let error = failure ?? reader.error(.malformed, reader.damage & 1 != 0 ? "the picture is cut short" : "the picture is damaged")
            guard options.allowTruncated, error.code == .malformed, window.count > 0 else { throw error }
            try fill(window, isCMYK: isCMYK)
            rows.warnings.append("a part of the picture is missing or damaged: \(reader.message)")
        } else if !reader.message.isEmpty {
            rows.warnings.append("the file breaks a rule of JPEG without harm: \(reader.message)")
        }
        rows.bitmap = window.bitmap
        rows.warnings += [colours.warning].compactMap(\.self)
        return rows
    }

    /// By what the picture is made smaller while it is decoded.
    private static func denominator(_ buffer: UnsafeBufferPointer<UInt8>, _ options: DecodeOptions) throws(IsomerError) -> Int32 {
        switch options.shrink {
        case .factor(let factor):
            guard [1, 2, 4, 8].contains(factor) else {
                throw IsomerError(.usage, "a JPEG shrinks by 1, 2, 4 or 8 while it is decoded", found: "\(factor)")
            }
            return Int32(factor)
        case .covering(let wanted):
            let info = try Reader(buffer, scanLimit, options.limits).start(denominator: 1)
            // Reference: Pillow 13.0.0 JpegImagePlugin `draft`: the largest of 8, 4, 2, 1 that leaves both sides large enough.
            let room = min(Int(info.width) / max(1, wanted.width), Int(info.height) / max(1, wanted.height))
            return [8, 4, 2].first { Int($0) <= room } ?? 1
        case .none: return 1
        }
    }

    /// What never came is gray, as libjpeg itself fills it.
    private static func fill(_ window: RowWindow, isCMYK: Bool) throws(IsomerError) {
        while window.count < window.size.height {
            let count = min(window.lot, window.size.height - window.count)
            guard let room = window.room(for: count) else { return }
            if isCMYK {
                let line = try PixelStorage.table(4 * window.size.width * count, of: UInt8.self)
                let inks = line.base.assumingMemoryBound(to: UInt8.self)
                inks.update(repeating: 128, count: 4 * window.size.width * count)
                convertInvertedCMYK(inks, room, pixels: window.size.width * count)
                withExtendedLifetime(line) {}
            } else {
                room.update(repeating: 128, count: window.rowBytes * count)
            }
            window.advance(by: count)
        }
    }

    /// Decodes a file if it is a plain one, and whole; nil if not, and then the window's readers may have seen anything.
    static func readSequential(
        _ buffer: UnsafeBufferPointer<UInt8>, _ denominator: Int32, _ level: isomer_level,
        into newWindow: () throws(IsomerError) -> RowWindow
    ) throws(IsomerError) -> RowWindow? {
        var header = isomer_sequential_header()
        guard denominator <= 2, let base = buffer.baseAddress, isomer_sequential_read(base, buffer.count, &header) else { return nil }
        let divisor = UInt32(denominator)
        let window = try newWindow()
        guard (header.width + divisor - 1) / divisor == window.size.width, (header.height + divisor - 1) / divisor == window.size.height,
            window.rowBytes == window.size.width * Int(header.components), window.lot >= ISOMER_SEQUENTIAL_ROWS,
            let scratch = PixelStorage(count: isomer_sequential_scratch(&header, divisor))
        else { return nil }
        var progress = Progress(window: window)
        // SAFETY: the decoder keeps to this call, in which `progress` and `scratch` live.
        let isDone = withUnsafeMutablePointer(to: &progress) { pointer in
            isomer_sequential_decode(
                level, base, buffer.count, &header, divisor, scratch.base, window.rowBytes,
                { context, count in context?.assumingMemoryBound(to: Progress.self).pointee.room(for: Int(count)) }, pointer)
        }
        withExtendedLifetime(scratch) {}
        guard isDone else { return nil }
        window.advance(by: progress.pending)
        return window.count == window.size.height ? window : nil
    }

    /// Rows that a decoder was given room for are there when it asks for more.
    private struct Progress {
        let window: RowWindow
        var pending = 0

        mutating func room(for rows: Int) -> UnsafeMutablePointer<UInt8>? {
            window.advance(by: pending)
            pending = rows
            return window.room(for: rows)
        }
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

        /// Reads as many rows as there are. Answers why there are no more, if libjpeg says so.
        func read(into window: RowWindow, isCMYK: Bool, stopsAtDamage: Bool) throws(IsomerError) -> IsomerError? {
            // Pixels of CMYK are one byte longer than those of RGB that they become.
            let inkBytes = isCMYK ? 4 * window.size.width : 0
            let inks = try PixelStorage.table(inkBytes * window.lot, of: UInt8.self)
            let lines = inks.base.assumingMemoryBound(to: UInt8.self)
            defer { withExtendedLifetime(inks) {} }
            while window.count < window.size.height {
                let count = min(window.lot, window.size.height - window.count)
                guard let room = window.room(for: count) else { break }
                var done: UInt32 = 0
                let status = isomer_jpeg_read(
                    handle, isCMYK ? lines : room, isCMYK ? inkBytes : window.rowBytes, UInt32(count), stopsAtDamage ? 1 : 0, &done)
                if isCMYK { convertInvertedCMYK(lines, room, pixels: Int(done) * window.size.width) }
                window.advance(by: Int(done))
                guard status == isomer_jpeg_ok else { return error(status) }
                if done < count { break }
            }
            return nil
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

/// Four inverted channels, as every JPEG with four components has them in practice, as RGB.
///
/// Reference: Pillow 13.0.0: raw mode "CMYK;I" ("assume adobe conventions"), then `convert("RGB")`.
private func convertInvertedCMYK(_ inks: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>, pixels: Int) {
    var (from, to) = (inks, target)
    for _ in 0..<pixels {
        // k' = 255 - k is what is stored; c·k' / 255 is rounded.
        let black = UInt32(from[3])
        for i in 0..<3 {
            let product = (255 &- UInt32(from[i])) &* black &+ 128
            to[i] = UInt8(truncatingIfNeeded: black &- ((product >> 8) &+ product) >> 8)
        }
        from += 4
        to += 3
    }
}
