import CKernels
import IsomerBytes
import Testing

@testable import IsomerImages

/// Plain JPEG files that are decoded without libjpeg: the same bytes, and the same complaints.
@Suite("Plain JPEG")
struct SequentialJPEGTests {
    private static let levels = [ISOMER_LEVEL_BASELINE, ISOMER_LEVEL_AVX2, ISOMER_LEVEL_AVX512].filter { isomer_level_supported($0) }

    /// What libjpeg alone makes of a file.
    private static func reference(_ bytes: [UInt8], _ factor: Int = 1) throws -> Bitmap {
        try #require(JPEGDecoder.decode(bytes, options(factor), level: ISOMER_LEVEL_BASELINE) { _ in RowPlan() }.bitmap)
    }

    private static func options(_ factor: Int) -> DecodeOptions {
        var options = DecodeOptions()
        options.convertToSRGB = false
        options.shrink = .factor(factor)
        return options
    }

    /// Whether every level takes the file and makes the same of it, whole and half as large.
    private static func isEqual(_ bytes: [UInt8]) throws -> Bool {
        for factor in [1, 2] {
            let expected = try reference(bytes, factor)
            for level in levels {
                let window = try bytes.withUnsafeBufferPointer { buffer in
                    try JPEGDecoder.readSequential(buffer, Int32(factor), level) { () throws(IsomerError) in
                        try RowWindow(expected.size, expected.channels, keepsAll: true, limits: Limits())
                    }
                }
                guard window?.bitmap == expected else { return false }
            }
        }
        return true
    }

    /// Files by Pillow: all samplings, restart markers, tables of their own. Progressive ones and CMYK are libjpeg's.
    @Test func equalsLibjpegOnFixtures() throws {
        for name in ["420", "422", "444", "gray", "optimised", "restart"] {
            let bytes = try ReadableFile(DecodingTests.folder.appending("\(name).jpg")).contents(limit: 1 << 20)
            #expect(try Self.isEqual(bytes), "\(name)")
        }
        for name in ["420-progressive", "cmyk"] {
            let bytes = try ReadableFile(DecodingTests.folder.appending("\(name).jpg")).contents(limit: 1 << 20)
            var header = isomer_sequential_header()
            #expect(!isomer_sequential_read(bytes, bytes.count, &header), "\(name)")
        }
    }

    /// Sizes that fill no block, no vector and no group of blocks; smooth pictures and noise, which has the largest coefficients.
    @Test(arguments: [1, 20, 50, 75, 90, 95, 100]) func equalsLibjpeg(quality: Int) throws {
        for (index, size) in [(32, 32), (33, 47), (63, 64), (129, 66), (257, 35), (300, 271)].enumerated() {
            for channels in [PixelChannels.gray, .rgb] {
                for isSmooth in [true, false] {
                    let seed = UInt64(quality + index)
                    let picture = try isSmooth ? scene(size.0, size.1, channels, seed: seed) : noise(size.0, size.1, channels, seed: seed)
                    for fullColour in [true, false] {
                        let settings = JPEGSettings(quality: quality, fullColour: fullColour, optimise: index % 2 == 0)
                        let bytes = try JPEGEncoder.encode(picture, settings: settings)
                        #expect(try Self.isEqual(bytes), "\(size) \(channels) smooth \(isSmooth) full colour \(fullColour)")
                    }
                }
            }
        }
    }

    /// Whatever is done to a file, it is as good or as bad as libjpeg says.
    @Test func leavesDamageToLibjpeg() throws {
        var dice = Dice(5)
        var files: [[UInt8]] = []
        for name in ["420", "422", "gray", "restart"] {
            files.append(try ReadableFile(DecodingTests.folder.appending("\(name).jpg")).contents(limit: 1 << 20))
        }
        var (whole, broken) = (0, 0)
        for round in 0..<2000 {
            var bytes = files[round % files.count]
            for _ in 0...dice.below(3) {
                let place = dice.below(round % 3 == 0 ? min(700, bytes.count) : bytes.count)
                switch dice.below(4) {
                case 0: bytes[place] = 0xFF
                case 1: bytes[place] ^= 1 << UInt8(dice.below(8))
                case 2: bytes[place] = UInt8(dice.below(256))
                default: if dice.below(4) == 0 { bytes = Array(bytes[...place]) }
                }
            }
            var options = Self.options(1 + round % 2)
            options.limits.pixels = 1 << 20
            func outcome(_ level: isomer_level) -> Result<DecodedRows, IsomerError> {
                Result { () throws(IsomerError) in try JPEGDecoder.decode(bytes, options, level: level) { _ in RowPlan() } }
            }
            for level in Self.levels.dropFirst() {
                switch (outcome(ISOMER_LEVEL_BASELINE), outcome(level)) {
                case (.success(let expected), .success(let image)):
                    #expect(image.bitmap == expected.bitmap && image.warnings == expected.warnings, "round \(round)")
                    whole += 1
                case (.failure(let expected), .failure(let error)):
                    #expect(error == expected, "round \(round)")
                    broken += 1
                case (_, let other): Issue.record("round \(round): \(other)")
                }
            }
        }
        #expect(Self.levels.count == 1 || (whole > 100 && broken > 100))
    }
}
