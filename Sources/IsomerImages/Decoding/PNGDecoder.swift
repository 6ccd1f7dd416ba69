internal import CPNG
internal import IsomerBytes

/// PNG by libpng. Palettes, small depths and transparent colours are expanded.
enum PNGDecoder {
    static func decode(_ bytes: [UInt8], _ options: DecodeOptions, _ planner: RowPlanner) throws(IsomerError) -> DecodedRows {
        let chunks = try PNGChunks(bytes)
        guard chunks.frames <= 1 else {
            throw IsomerError(
                .unsupported, "this is an animation", byteOffset: chunks.animationOffset, expected: "one picture",
                found: "\(chunks.frames) frames", remedy: "export one frame as a plain PNG")
        }
        // libpng takes memory for whole rows as soon as it is set up, so the size is looked at first.
        if let size = chunks.size { try ImageDecoder.check(size.width, size.height, channels: 1, options.limits) }
        let result: Result<DecodedRows, IsomerError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(IsomerError) in try decode(buffer, options, planner) }
        }
        return try result.get()
    }

    private static func decode(
        _ buffer: UnsafeBufferPointer<UInt8>, _ options: DecodeOptions, _ planner: RowPlanner, atOnce: Bool = false
    ) throws(IsomerError) -> DecodedRows {
        let reader = try Reader(buffer, chunkLimit: Int(clamping: max(8 << 20, options.limits.pictureChunkBytes)))
        let info = try reader.start()
        try ImageDecoder.check(info.width, info.height, channels: Int(info.channels * info.sample_bits / 8), options.limits)
        guard let channels = PixelChannels(rawValue: Int(info.channels)), info.sample_bits == 8 || info.sample_bits == 16 else {
            throw IsomerError(.unsupported, "this kind of PNG is not read", found: "\(info.channels) channels of \(info.sample_bits) bits")
        }
        let size = PixelSize(Int(info.width), Int(info.height))
        let samples: SampleType = info.sample_bits == 16 && options.keep16Bits ? .uint16 : .uint8
        let colours = colours(reader.profile, info, channels, samples, options)
        var rows = DecodedRows(
            format: .png, storedSize: size, orientation: .upright, profile: colours.profile, warnings: [], isTruncated: false)
        func orientation() -> Orientation { reader.exif.flatMap { EXIF($0)?.orientation } ?? .upright }

        // Rows of 16 bits become shorter, and those of interlaced pictures come all at once.
        let comesAtOnce = atOnce || info.interlaced != 0 || info.sample_bits == 16
        let layout = PictureLayout(
            size: size, channels: channels, samples: .uint8, orientation: options.orient && !comesAtOnce ? orientation() : .upright)
        let failure: IsomerError?
        if comesAtOnce {
            let stored: SampleType = info.sample_bits == 16 ? .uint16 : .uint8
            var bitmap = try Bitmap(uninitialized: size.width, size.height, channels, stored, limits: options.limits)
            // Later passes fill in pixels that earlier ones left out; in a cut file nobody fills them.
            if info.interlaced != 0 || options.allowTruncated { bitmap.target.update(repeating: 0, count: bitmap.byteCount) }
            let (count, reason) = reader.read(into: bitmap.target, stride: bitmap.rowBytes, rows: size.height)
            failure = reason
            try check(reason, count, options)
            if samples == .uint8 { bitmap = try bitmap.reducedTo8Bits() }
            try rows.show(bitmap, colours, options.orient ? orientation() : .upright, planner)
        } else {
            let plan = try planner(layout)
            let window = try RowWindow(
                size, channels, readers: plan.readers, keepsAll: plan.keepsAll, conversion: colours.conversion, limits: options.limits)
            failure = reader.read(into: window)
            try check(failure, window.count, options)
            while window.count < size.height {
                let count = min(window.lot, size.height - window.count)
                guard let room = window.room(for: count) else { break }
                room.update(repeating: 0, count: count * window.rowBytes)
                window.advance(by: count)
            }
            // What is said behind the last row how to turn the picture comes too late for the readers.
            if options.orient, orientation() != layout.orientation { return try decode(buffer, options, planner, atOnce: true) }
            rows.bitmap = window.bitmap
        }

        if failure != nil {
            rows.warnings.append("a part of the picture is missing or damaged: \(reader.message)")
        } else if !reader.message.isEmpty {
            rows.warnings.append("the file breaks a rule of PNG without harm: \(reader.message)")
        }
        rows.warnings += [colours.warning].compactMap(\.self)
        rows.isTruncated = failure != nil
        rows.exif = reader.exif
        rows.orientation = orientation()
        return rows
    }

    /// An embedded profile counts; without one, the gamma that the file gives.
    private static func colours(
        _ profile: [UInt8]?, _ info: isomer_png_info, _ channels: PixelChannels, _ samples: SampleType, _ options: DecodeOptions
    ) -> ColourTreatment {
        if let profile { return ColourTreatment(profile: profile, channels, samples, convert: options.convertToSRGB) }
        guard info.is_srgb == 0, info.gamma > 0, options.convertToSRGB, samples == .uint8 else { return ColourTreatment() }
        return ColourTreatment(gamma: info, channels)
    }

    /// Throws unless what there is of a broken picture is to be taken.
    private static func check(_ failure: IsomerError?, _ rows: Int, _ options: DecodeOptions) throws(IsomerError) {
        guard let failure else { return }
        guard options.allowTruncated, failure.code == .malformed, rows > 0 else { throw failure }
    }

    private struct Reader: ~Copyable {
        private let handle: OpaquePointer

        init(_ buffer: UnsafeBufferPointer<UInt8>, chunkLimit: Int) throws(IsomerError) {
            guard let handle = isomer_png_open(buffer.baseAddress, buffer.count, chunkLimit) else {
                throw IsomerError(.limitExceeded, "there is no memory for the picture")
            }
            self.handle = handle
        }

        deinit { isomer_png_close(handle) }

        var message: String { String(cString: isomer_png_message(handle)) }

        var profile: [UInt8]? {
            var count = 0
            guard let bytes = isomer_png_profile(handle, &count) else { return nil }
            return Array(UnsafeBufferPointer(start: bytes, count: count))
        }

        var exif: [UInt8]? {
            var count = 0
            guard let bytes = isomer_png_exif(handle, &count) else { return nil }
            return Array(UnsafeBufferPointer(start: bytes, count: count))
        }

        func start() throws(IsomerError) -> isomer_png_info {
            var info = isomer_png_info()
            let status = isomer_png_start(handle, &info)
            guard status == isomer_png_ok else { throw error(status) }
            return info
        }

        /// Reads as many rows as there are, a lot at a time, and answers why there are no more.
        func read(into window: RowWindow) -> IsomerError? {
            while window.count < window.size.height {
                let count = min(window.lot, window.size.height - window.count)
                guard let room = window.room(for: count) else { break }
                let (done, failure) = read(into: room, stride: window.rowBytes, rows: count)
                window.advance(by: done)
                if let failure { return failure }
            }
            return nil
        }

        func read(into rows: UnsafeMutablePointer<UInt8>, stride: Int, rows count: Int) -> (rows: Int, failure: IsomerError?) {
            var done: UInt32 = 0
            let status = isomer_png_read(handle, rows, stride, UInt32(count), &done)
            return (Int(done), status == isomer_png_ok ? nil : error(status))
        }

        private func error(_ status: isomer_png_status) -> IsomerError {
            let remedy = "get the file again, or allow truncated pictures"
            return switch status {
            case isomer_png_truncated: IsomerError(.malformed, "the picture is cut short", found: message, remedy: remedy)
            case isomer_png_limit: IsomerError(.limitExceeded, "there is no memory for the picture", found: message)
            default: IsomerError(.malformed, "this is a broken PNG", found: message, remedy: remedy)
            }
        }
    }
}

/// The order of a PNG file's chunks, as far as it matters before decoding: `length₃₂ type₄ data crc₃₂`, first IHDR.
struct PNGChunks {
    /// Frames that an animation chunk before the picture data announces; 0 without one.
    private(set) var frames: UInt32 = 0
    private(set) var animationOffset: UInt64?
    /// What the header says, if it is where it must be.
    private(set) var size: (width: UInt32, height: UInt32)?

    init(_ bytes: [UInt8]) throws(IsomerError) {
        if bytes.count >= 24, bytes[12..<16].elementsEqual("IHDR".utf8) {
            size = (Self.number(bytes, 16), Self.number(bytes, 20))
        }
        var position = 8
        while bytes.count - position >= 12 {
            let length = Self.number(bytes, position)
            let type = bytes[position + 4..<position + 8]
            if type.elementsEqual("IDAT".utf8) || type.elementsEqual("IEND".utf8) { break }
            if type.elementsEqual("acTL".utf8), length == 8, bytes.count - position >= 20 {
                frames = Self.number(bytes, position + 8)
                animationOffset = UInt64(position)
            }
            guard let step = Int(exactly: length), step <= bytes.count - position - 12 else { break }
            position += 12 + step
        }
    }

    static func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
