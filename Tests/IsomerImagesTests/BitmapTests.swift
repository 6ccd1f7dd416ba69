import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Bitmaps")
struct BitmapTests {
    @Test(arguments: Orientation.allCases) func orientations(orientation: Orientation) throws {
        for (width, height) in [(1, 1), (3, 2), (40, 33), (33, 65)] {
            for channels in PixelChannels.allCases {
                let picture = try noise(width, height, channels, seed: 2)
                let turned = try picture.oriented(orientation)
                let (source, result, c) = (picture.bytes, turned.bytes, channels.count)
                for y in 0..<turned.height {
                    for x in 0..<turned.width {
                        // Where the pixel that must stand at (x, y) is stored.
                        let (sx, sy): (Int, Int) =
                            switch orientation {
                            case .upright: (x, y)
                            case .mirrored: (width - 1 - x, y)
                            case .upsideDown: (width - 1 - x, height - 1 - y)
                            case .mirroredUpsideDown: (x, height - 1 - y)
                            case .transposed: (y, x)
                            case .turnRight: (y, height - 1 - x)
                            case .transversed: (width - 1 - y, height - 1 - x)
                            case .turnLeft: (width - 1 - y, x)
                            }
                        let (a, b) = ((sy * width + sx) * c, (y * turned.width + x) * c)
                        guard source[a..<a + c] == result[b..<b + c] else {
                            Issue.record("\(orientation) at \(x),\(y)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test func compositesOverAColour() throws {
        let picture = try Bitmap(width: 3, height: 1, channels: .rgba, bytes: [10, 20, 30, 0, 10, 20, 30, 255, 0, 255, 100, 128])
        #expect(try picture.composited(over: 255, 255, 255).bytes == [255, 255, 255, 10, 20, 30, 127, 255, 177])
        #expect(try picture.alphaMask().bytes == [0, 255, 128])
        #expect(try picture.droppingAlpha().bytes == [10, 20, 30, 10, 20, 30, 0, 255, 100])
        let gray = try Bitmap(width: 1, height: 1, channels: .grayAlpha, bytes: [0, 0])
        #expect(try gray.composited(over: 255, 0, 0).bytes == [255, 0, 0])
        #expect(try gray.composited(over: 9, 9, 9).bytes == [9])
    }

    @Test func writingDoesNotReachCopies() throws {
        let picture = try scene(8, 8)
        var copy = picture
        copy.withUnsafeMutableBytes { $0[0] ^= 255 }
        #expect(copy != picture)
    }
}
