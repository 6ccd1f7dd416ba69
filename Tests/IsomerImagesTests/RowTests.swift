import CKernels
import IsomerBytes
import Testing

@testable import IsomerImages

/// Pictures that pass through a window of rows: what is made on the way is what the whole picture gives.
@Suite("Rows on their way")
struct RowTests {
    /// Orientation and nothing else.
    private static func exif(_ orientation: Orientation) -> [UInt8] {
        Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation.rawValue), 0, 0, 0, 0, 0, 0]
    }

    /// Remembers the rows that it saw, and asks for the last few of them again.
    private final class Witness: RowReader {
        let reach: Int
        private(set) var next = 0
        private(set) var seen: [UInt8] = []
        private(set) var most = 0

        init(reach: Int) { self.reach = reach }

        func read(_ window: RowWindow) {
            seen.removeLast(max(0, seen.count - next * window.rowBytes))
            let fresh = UnsafeBufferPointer(start: window.origin + next * window.rowBytes, count: (window.count - next) * window.rowBytes)
            seen.append(contentsOf: fresh)
            most = max(most, window.count - next)
            next = max(0, window.count - reach)
        }
    }

    @Test(arguments: [0, 1, 7, 40]) func aWindowKeepsWhatIsNeeded(reach: Int) throws {
        let picture = try noise(13, 101, .rgb, seed: 5)
        for lots in [[1], [20], [15, 16, 17], [3, 20, 1]] {
            let (first, second) = (Witness(reach: reach), Witness(reach: 2))
            let window = try RowWindow(picture.size, .rgb, readers: [first, second], limits: Limits())
            #expect(window.room(for: 21) == nil && window.room(for: 0) == nil)
            var step = 0
            while window.count < picture.height {
                let rows = min(lots[step % lots.count], picture.height - window.count)
                let room = try #require(window.room(for: rows))
                picture.withUnsafeBytes { bytes in
                    for i in 0..<rows * window.rowBytes { room[i] = bytes[window.count * window.rowBytes + i] }
                }
                window.advance(by: rows)
                step += 1
            }
            #expect(first.seen == picture.bytes && second.seen == picture.bytes)
            #expect(first.most <= reach + 20)
            #expect(window.room(for: 1) == nil && window.bitmap == nil)
        }
    }

    /// Every kind of file: what does not come row by row is shown afterwards.
    @Test func everyKindOfFile() throws {
        var (names, count) = ([String](), 0)
        try FileSystem.forEachEntry(of: DecodingTests.folder) { name, _ in names.append(String(decoding: name, as: UTF8.self)) }
        for name in names where !name.hasSuffix(".txt") && !name.hasSuffix(".expected.png") {
            let bytes = try ReadableFile(DecodingTests.folder.appending(name)).contents(limit: 1 << 20)
            guard let whole = try? ImageDecoder.decode(bytes), !whole.bitmap.channels.hasAlpha, whole.bitmap.width > 8 else { continue }
            let size = PixelSize(whole.bitmap.width / 2, 30)
            let box = PixelBox(left: 1.5, top: 2, right: Double(whole.bitmap.width), bottom: Double(whole.bitmap.height) - 1)
            var stream: ResamplingStream?
            let rows = try ImageDecoder.decode(bytes, DecodeOptions()) { layout throws(IsomerError) in
                #expect(layout.upright == whole.bitmap.size && layout.channels == whole.bitmap.channels, "\(name)")
                stream = try ResamplingStream(layout, to: size, .lanczos, box, .pillow13, Limits())
                return RowPlan(readers: [stream?.reader].compactMap(\.self), keepsAll: false)
            }
            #expect(rows.bitmap == nil && rows.warnings == whole.warnings && rows.profile == whole.profile, "\(name)")
            #expect(try stream?.result() == whole.bitmap.resampled(to: size, filter: .lanczos, box: box), "\(name)")
            count += 1
        }
        #expect(count > 40)
    }

    /// Whatever the file, its orientation and the fitting: as the steps one by one, and whole only where it has to be.
    @Test(arguments: Orientation.allCases) func preparesOnTheWay(orientation: Orientation) throws {
        let metadata = ImageMetadata(exif: Self.exif(orientation))
        for channels in [PixelChannels.gray, .rgb] {
            let picture = try scene(900, 610, channels)
            for bytes in [
                try JPEGEncoder.encode(picture, settings: JPEGSettings(quality: 90, fullColour: false), metadata: metadata),
                try JPEGEncoder.encode(picture, settings: JPEGSettings(quality: 90, optimise: true, progressive: true), metadata: metadata),
                try PNGEncoder.encode(picture, metadata: metadata),
            ] {
                let upright = try ImageDecoder.decode(bytes).bitmap
                #expect(upright.size == orientation.upright(picture.size))
                for fitting in Fitting.allCases {
                    var options = PreparationOptions()
                    options.shapes = [.fixed(PixelSize(64, 96)), .fixed(PixelSize(200, 128))]
                    options.rules.fitting = fitting
                    options.focus = .point(x: 0.7, y: 0.2)
                    let layout = PictureLayout(size: picture.size, channels: channels, samples: .uint8, orientation: orientation)
                    #expect(try !PictureWork(options, layout, stored: picture.size, nil).plan.keepsAll)

                    let result = try PictureProcessor(options).process(bytes)
                    #expect(result.original == upright.size && result.pictures.count == 2)
                    #expect(try result.scores == upright.scores())
                    for made in result.pictures where fitting != .pad {
                        let plan = CropPlan(box: made.crop, size: made.size)
                        let expected = try upright.cropped(plan).expandedToColour()
                        #expect(try ImageDecoder.decode(made.bytes).bitmap == expected, "\(channels) \(fitting)")
                    }
                    options.focus = .automatic
                    let looks = try PictureWork(options, layout, stored: picture.size, nil).plan.keepsAll
                    #expect(looks == (fitting == .crop))
                }
            }
        }
    }

    /// A file that breaks off gives nothing, or with leave what there is, from the window as from the whole picture.
    @Test func brokenFiles() throws {
        let picture = try scene(900, 610)
        for bytes in [
            try JPEGEncoder.encode(picture, settings: JPEGSettings(quality: 90)), try PNGEncoder.encode(picture),
        ] {
            let cut = Array(bytes[..<(bytes.count * 2 / 3)])
            var options = PreparationOptions()
            options.shapes = [.fixed(PixelSize(64, 64))]
            options.focus = .centre
            let expected = #expect(throws: IsomerError.self) { try ImageDecoder.decode(cut) }
            let error = #expect(throws: IsomerError.self) { try PictureProcessor(options).process(cut) }
            #expect(error == expected)
            options.decoding.allowTruncated = true
            let whole = try ImageDecoder.decode(cut, options: options.decoding)
            let made = try #require(PictureProcessor(options).process(cut).pictures.first)
            #expect(try ImageDecoder.decode(made.bytes).bitmap == whole.bitmap.cropped(CropPlan(box: made.crop, size: made.size)))
        }
    }

    /// Hundreds of parts of a long picture are not all in memory at once.
    @Test func partsOfALongPicture() throws {
        let layout = PictureLayout(size: PixelSize(40, 9000), channels: .rgb, samples: .uint8, orientation: .upright)
        var options = PreparationOptions()
        options.splits = true
        options.shapes = [.fixed(PixelSize(32, 32))]
        #expect(try !PictureWork(options, layout, stored: layout.size, nil).plan.keepsAll)
        options.shapes = [.fixed(PixelSize(512, 512))]
        #expect(try PictureWork(options, layout, stored: layout.size, nil).plan.keepsAll)
    }

    /// A shape that follows the picture's may ask for any size, however small the file.
    @Test func whatComesOutIsBounded() throws {
        let bytes = try PNGEncoder.encode(scene(1, 3_000))
        var options = PreparationOptions()
        options.shapes = [.shortSide(16_000, multiple: 8)]
        let refused = error { _ = try PictureProcessor(options).process(bytes) }
        #expect(refused?.code == .limitExceeded && refused?.found == "16000x48000000")
        options.shapes = [.fixed(PixelSize(64, 64))]
        options.splits = true
        #expect(error { _ = try PictureProcessor(options).process(bytes) }?.code == .limitExceeded)
    }
}
