import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Encoding")
struct EncodingTests {
    @Test(arguments: PixelChannels.allCases) func pngRoundTrips(channels: PixelChannels) throws {
        for (width, height) in [(1, 1), (3, 2), (64, 65), (257, 31), (1, 300), (700, 1)] {
            for picture in [try scene(width, height, channels), try noise(width, height, channels, seed: 3)] {
                for compression in [PNGCompression.photo, .level(6), .level(0)] {
                    let bytes = try PNGEncoder.encode(picture, compression: compression)
                    #expect(try ImageDecoder.decode(bytes).bitmap == picture)
                    #expect(try PNGEncoder.encode(picture, compression: compression) == bytes)
                }
            }
        }
    }

    /// Large enough for several bands and blocks, with runs and with none.
    @Test func pngOfManyBands() throws {
        let flat = try Bitmap(width: 900, height: 700, channels: .rgb, bytes: [UInt8](repeating: 40, count: 900 * 700 * 3))
        let bytes = try PNGEncoder.encode(flat)
        #expect(bytes.count < 20_000)
        #expect(try ImageDecoder.decode(bytes).bitmap == flat)
        let busy = try noise(500, 400, .rgb, seed: 8)
        let stored = try PNGEncoder.encode(busy)
        #expect(stored.count < 500 * 400 * 3 + 4000)
        #expect(try ImageDecoder.decode(stored).bitmap == busy)
    }

    /// What is given to zlib in portions comes out as one stream: it counts the bytes of one call in 32 bits.
    @Test func portionsAreOneStream() throws {
        let bytes = try noise(200, 100, .rgb, seed: 5).bytes
        let whole = try Deflate.zlib(bytes, level: 6)
        for count in [1, 1000, bytes.count - 1, bytes.count] {
            #expect(try Deflate.zlib(bytes, level: 6, inputBytesAtOnce: count) == whole)
        }
        let plain = try whole.withUnsafeBytes { try Inflater.inflate($0, .zlib, size: .exactly(UInt64(bytes.count))) }
        #expect(plain == bytes)
        #expect(try Deflate.zlib([], level: 6, inputBytesAtOnce: 1) == Deflate.zlib([], level: 6))
    }

    /// For photographs the quick way costs at most 4 % more bytes than zlib's level 6, and the code tables of these small ones.
    @Test func photoIsAsSmallAsLevel6() throws {
        for name in ["photo.png", "tall.png", "wide.png"] {
            let photo = try ImageDecoder.decode(Fixtures["images/resampling/\(name)"]).bitmap
            let (quick, thorough) = (try PNGEncoder.encode(photo).count, try PNGEncoder.encode(photo, compression: .level(6)).count)
            #expect(Double(quick) <= 1.04 * Double(thorough) + 400, "\(name): \(quick) and \(thorough)")
        }
    }

    @Test func jpegKeepsThePicture() throws {
        let picture = try ImageDecoder.decode(Fixtures["images/resampling/photo.png"]).bitmap
        for settings in [
            JPEGSettings(), JPEGSettings(quality: 95, fullColour: true), JPEGSettings(quality: 90, optimise: true, progressive: true),
        ] {
            let bytes = try JPEGEncoder.encode(picture, settings: settings)
            let again = try ImageDecoder.decode(bytes).bitmap
            let error = zip(picture.bytes, again.bytes).reduce(0.0) { $0 + Double((Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1))) }
            #expect(error / Double(picture.byteCount) < 40)
            #expect(try JPEGEncoder.encode(picture, settings: settings) == bytes)
        }
        #expect(throws: IsomerError.self) { try JPEGEncoder.encode(noise(3, 3, .rgba, seed: 1)) }
        #expect(throws: IsomerError.self) { try JPEGEncoder.encode(picture, settings: JPEGSettings(quality: 0)) }
    }

    @Test func metadataTravels() throws {
        let picture = try scene(20, 10)
        var block: [UInt8] = Array("II*".utf8) + [0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        block += [UInt8](repeating: 7, count: 10)
        var profile = try ReadableFile(DecodingTests.folder.appending("icc-p3.png")).contents(limit: 1 << 20)
        profile = try #require(
            try ImageDecoder.decode(
                profile,
                options: {
                    var o = DecodeOptions(); o.convertToSRGB = false; return o
                }()
            ).profile)
        let long = profile + [UInt8](repeating: 1, count: 150_000)
        var keep = DecodeOptions()
        keep.convertToSRGB = false
        let metadata = ImageMetadata(exif: block, profile: profile)
        let png = try ImageDecoder.decode(PNGEncoder.encode(picture, metadata: metadata), options: keep)
        let jpeg = try ImageDecoder.decode(JPEGEncoder.encode(picture, metadata: ImageMetadata(exif: block, profile: long)), options: keep)
        #expect(png.exif == block)
        #expect(png.profile == profile)
        #expect(jpeg.exif == block)
        #expect(jpeg.profile == long)
    }
}
