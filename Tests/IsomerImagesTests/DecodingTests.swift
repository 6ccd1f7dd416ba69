import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Decoding")
struct DecodingTests {
    static let folder = Fixtures["images/decoding"]

    static func files() throws -> [String] { try lines(of: folder.appending("cases.txt")).map { $0[0] } }

    /// Every case of `cases.txt`: the samples that Pillow reads, oriented and in sRGB.
    @Test func equalsPillow() throws {
        for words in try lines(of: Self.folder.appending("cases.txt")) {
            let image = try ImageDecoder.decode(Self.folder.appending(words[0]))
            #expect(!image.isTruncated)
            #expect(image.warnings == [], "\(words[0])")
            #expect(
                ["\(image.bitmap.channels.count)", "\(image.bitmap.width)", "\(image.bitmap.height)"] == Array(words[1...3]), "\(words[0])")
            if words[4] == "0" {
                #expect("\(checksum(image.bitmap))" == words[5], "\(words[0])")
            } else {
                let expected = try ImageDecoder.decode(Self.folder.appending(words[5])).bitmap
                let difference = zip(image.bitmap.bytes, expected.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
                #expect(difference <= (Int(words[4]) ?? 0), "\(words[0]) differs by \(difference)")
            }
        }
    }

    @Test func shrinksWhileDecoding() throws {
        var options = DecodeOptions()
        options.shrink = .factor(2)
        let half = try ImageDecoder.decode(Self.folder.appending("420.jpg"), options: options)
        #expect(half.bitmap.size == PixelSize(61, 42))
        #expect(half.storedSize == PixelSize(121, 83))
        options.shrink = .covering(PixelSize(30, 20))
        #expect(try ImageDecoder.decode(Self.folder.appending("420.jpg"), options: options).bitmap.size == PixelSize(31, 21))
        options.shrink = .covering(PixelSize(200, 20))
        #expect(try ImageDecoder.decode(Self.folder.appending("420.jpg"), options: options).bitmap.size == PixelSize(121, 83))
    }

    @Test func keeps16Bits() throws {
        var options = DecodeOptions()
        options.keep16Bits = true
        let image = try ImageDecoder.decode(Self.folder.appending("rgb16.png"), options: options)
        #expect(image.bitmap.samples == .uint16)
        let again = try ImageDecoder.decode(PNGEncoder.encode(image.bitmap), options: options)
        #expect(again.bitmap == image.bitmap)
    }

    /// A file that ends early is refused wherever it ends, and gives its first rows when that is allowed.
    @Test func refusesCutFiles() throws {
        var lenient = DecodeOptions()
        lenient.allowTruncated = true
        for name in ["rgb8.png", "rgb8-interlaced.png", "420.jpg", "444-progressive.jpg", "gray.jpg", "cmyk.jpg"] {
            let bytes = try ReadableFile(Self.folder.appending(name)).contents(limit: 1 << 20)
            for cut in stride(from: 0, to: bytes.count - 1, by: max(1, bytes.count / 60)) {
                #expect(throws: IsomerError.self, "\(name) cut to \(cut)") { try ImageDecoder.decode(Array(bytes[..<cut])) }
            }
            let most = try ImageDecoder.decode(Array(bytes[..<(bytes.count * 3 / 4)]), options: lenient)
            #expect(most.isTruncated)
            #expect(most.warnings.count == 1)
        }
    }

    /// Every row whose samples a cut PNG holds is shown: where nothing is compressed, their number is that of the bytes.
    @Test(arguments: [1_000, 5_000, 8_300, 16_500, 40_000, 61_000])
    func showsAllRowsOfCutPNG(cut: Int) throws {
        var lenient = DecodeOptions()
        lenient.allowTruncated = true
        let picture = try noise(90, 230, .rgb, seed: 12)
        let bytes = try PNGEncoder.encode(picture, compression: .level(0))
        let image = try ImageDecoder.decode(Array(bytes[..<cut]), options: lenient)
        #expect(image.isTruncated)
        // A filter's number before each row, and at most 100 bytes of headers, of chunks and blocks too.
        let count = (cut - 100) / (picture.rowBytes + 1) * picture.rowBytes
        #expect(image.bitmap.withUnsafeBytes { Array($0.prefix(count)) } == picture.withUnsafeBytes { Array($0.prefix(count)) })
    }

    /// A PNG that lacks nothing but its end shows everything.
    @Test func showsAllOfPNGWithoutEnd() throws {
        var lenient = DecodeOptions()
        lenient.allowTruncated = true
        let picture = try noise(90, 230, .rgb, seed: 12)
        let bytes = try PNGEncoder.encode(picture)
        #expect(try ImageDecoder.decode(Array(bytes.dropLast(16)), options: lenient).bitmap == picture)
    }

    /// Whatever bytes change, there is an answer and no crash; a PNG whose critical chunk changed is refused.
    @Test func survivesDamage() throws {
        var dice = Dice(99)
        for name in [
            "rgb8-interlaced.png", "palette4-alpha.png", "rgba16.png", "444-progressive.jpg", "cmyk.jpg", "restart.jpg", "icc-table.jpg",
            "TURNED6-big.JPG",
        ] {
            let bytes = try ReadableFile(Self.folder.appending(name)).contents(limit: 1 << 20)
            for _ in 0..<60 {
                var damaged = bytes
                for _ in 0...dice.below(3) { damaged[dice.below(damaged.count)] = UInt8(truncatingIfNeeded: dice.next()) }
                for lenient in [false, true] {
                    var options = DecodeOptions()
                    options.allowTruncated = lenient
                    options.limits.pixels = 1 << 22
                    _ = try? ImageDecoder.decode(damaged, options: options)
                }
            }
        }
        var bytes = try ReadableFile(Self.folder.appending("rgb8.png")).contents(limit: 1 << 20)
        bytes[bytes.count - 30] ^= 1
        #expect(throws: IsomerError.self) { try ImageDecoder.decode(bytes) }
    }

    /// A header that promises more than the limits allow costs no memory.
    @Test func refusesBombs() throws {
        func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(type.utf8) + data
            let crc = try? Bitmap(width: body.count, height: 1, channels: .gray, bytes: body)
            let sum = crc.map(checksum) ?? 0
            return [UInt8](bigEndian: UInt32(data.count)) + body + [UInt8](bigEndian: sum)
        }
        let bomb =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", [UInt8](bigEndian: 0x7FFF_FFFF) + [UInt8](bigEndian: 0x7FFF_FFFF) + [8, 6, 0, 0, 0]) + chunk("IDAT", [0x78, 1])
        let error = #expect(throws: IsomerError.self) { try ImageDecoder.decode(bomb) }
        #expect(error?.code == .limitExceeded || error?.code == .malformed)

        var options = DecodeOptions()
        options.limits.pixels = 1000
        for name in ["420.jpg", "rgb8.png"] {
            let refused = #expect(throws: IsomerError.self) { try ImageDecoder.decode(Self.folder.appending(name), options: options) }
            #expect(refused?.code == .limitExceeded)
        }
        let animation =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", [UInt8](bigEndian: 4) + [UInt8](bigEndian: 4) + [8, 2, 0, 0, 0])
            + chunk("acTL", [UInt8](bigEndian: 3) + [UInt8](bigEndian: 0)) + chunk("IDAT", [])
        #expect(
            throws: IsomerError(
                .unsupported, "this is an animation", byteOffset: 33, expected: "one picture", found: "3 frames",
                remedy: "export one frame as a plain PNG")
        ) { try ImageDecoder.decode(animation) }
    }

    @Test func saysWhatElseItIs() {
        #expect(throws: IsomerError(.malformed, "the file is empty", expected: "a picture", found: "0 bytes")) {
            try ImageDecoder.decode([])
        }
        let read = ImageDecoder.readsWebP ? "JPEG, PNG or WebP" : "JPEG or PNG"
        #expect(throws: IsomerError(.unsupported, "GIF pictures are not read", expected: read, remedy: "export one frame as PNG")) {
            try ImageDecoder.decode(Array("GIF89a......".utf8))
        }
        #expect(ImageFormat(signature: Array("RIFF....WEBPVP8 ".utf8)) == .webp)
    }

    @Test func stripsThePlace() throws {
        // Little-endian: orientation 6 and a GPS directory at 38 with one value that lies at 56.
        var block: [UInt8] = Array("II*".utf8) + [0, 8, 0, 0, 0, 2, 0]
        block += [0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
        block += [0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]
        block += [0, 0, 0, 0]
        block += [1, 0, 2, 0, 5, 0, 3, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0x77, count: 24)
        let exif = try #require(EXIF(block))
        #expect(exif.orientation == .turnRight)
        let stripped = exif.forUprightCopy(keepPlace: false)
        #expect(!stripped.contains(0x77))
        #expect(!stripped.contains(0x88))
        #expect(EXIF(stripped)?.orientation == .upright)
        #expect(exif.forUprightCopy(keepPlace: true).contains(0x77))
        // Broken blocks are nothing, or something, but never a crash.
        var dice = Dice(5)
        for _ in 0..<2000 {
            var broken = block
            for _ in 0...3 { broken[dice.below(broken.count)] = UInt8(truncatingIfNeeded: dice.next()) }
            let exif = EXIF(Array(broken.prefix(dice.below(broken.count))))
            _ = exif?.orientation
            _ = exif?.forUprightCopy(keepPlace: false)
        }
    }
}

extension [UInt8] {
    init(bigEndian value: UInt32) { self = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
}
