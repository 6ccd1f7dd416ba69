import IsomerBytes
import IsomerGeneration
import IsomerImages
import Testing

@Suite struct ImageGridTests {
    private func plain(_ width: Int, _ height: Int, _ value: UInt8, _ channels: PixelChannels = .rgb) throws -> Bitmap {
        try Bitmap(
            width: width, height: height, channels: channels, bytes: [UInt8](repeating: value, count: width * height * channels.count))
    }

    /// Cells are as large as the largest picture; smaller ones stand in the middle, missing ones are the background.
    @Test func picturesStandInCells() throws {
        let grid = try ImageGrid.joined([plain(3, 1, 10), nil, plain(1, 3, 20, .gray)], columns: 2, gap: 1, background: (1, 2, 3))
        #expect(grid.size == PixelSize(7, 7))
        let bytes = grid.bytes
        for y in 0..<7 {
            for x in 0..<7 {
                let pixel = Array(bytes[(y * 7 + x) * 3..<(y * 7 + x) * 3 + 3])
                let expected: [UInt8] = y == 1 && x < 3 ? [10, 10, 10] : y > 3 && x == 1 ? [20, 20, 20] : [1, 2, 3]
                #expect(pixel == expected, "\(x), \(y)")
            }
        }
    }

    @Test func aClearPictureShowsTheBackground() throws {
        #expect(try ImageGrid.joined([plain(1, 1, 0, .rgba)], columns: 5, background: (9, 8, 7)).bytes == [9, 8, 7])
    }

    @Test func aSheetsPicturesAreSmall() throws {
        let sheet = try ImageGrid.contactSheet([plain(64, 32, 100), plain(4, 4, 50)], columns: 2, side: 16, gap: 2)
        #expect(sheet.size == PixelSize(34, 8))
        #expect(sheet.bytes.prefix(3) == [100, 100, 100])
    }

    @Test(arguments: [(0, 1), (1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3), (9, 3), (10, 4), (12, 4), (13, 4)])
    func columnsMakeASquare(count: Int, columns: Int) {
        #expect(ImageGrid.columns(for: count) == columns)
    }

    @Test func nothingAndTooMuchAreRefused() throws {
        #expect(throws: IsomerError.self) { try ImageGrid.joined([nil, nil], columns: 1) }
        #expect(throws: IsomerError.self) { try ImageGrid.joined([plain(1, 1, 0)], columns: 0) }
        var limits = Limits()
        limits.pictureBytes = 11
        #expect(throws: IsomerError.self) { try ImageGrid.joined([plain(2, 2, 0)], columns: 1, limits: limits) }
        #expect(throws: IsomerError.self) { try ImageGrid.contactSheet([plain(2, 2, 0)], columns: 1, side: 0) }
    }

    @Test(arguments: ["", "Steps: 20, Sampler: Euler a", "é 漢字 🙂\nsecond line", "漢字"]) func aJPEGCarriesAText(text: String) throws {
        let bytes = try JPEGEncoder.encode(plain(8, 8, 128), metadata: ImageMetadata(exif: PictureComment.exif(text)))
        #expect((PictureComment.text(inJPEG: bytes) ?? "") == text)
        #expect(PictureComment.text(inJPEG: Array(bytes.prefix(40))) == nil)
    }

    @Test func aJPEGsTextHasALimit() throws {
        #expect(throws: IsomerError.self) { try PictureComment.exif(String(repeating: "x", count: 32_738)) }
        #expect(try PictureComment.exif(String(repeating: "x", count: 32_737)).count <= 65_527)
        #expect(PictureComment.text(inJPEG: []) == nil)
        #expect(try PictureComment.text(inJPEG: JPEGEncoder.encode(plain(1, 1, 0))) == nil)
    }
}
