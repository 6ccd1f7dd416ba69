import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("WebP")
struct WebPTests {
    static let folder = Fixtures["images/webp"]

    /// Every file of `cases.txt`, where the build has libwebp; elsewhere each is refused with a word.
    @Test func equalsPillow() throws {
        for words in try lines(of: Self.folder.appending("cases.txt")) {
            let path = Self.folder.appending(words[0])
            guard ImageDecoder.readsWebP else {
                let error = #expect(throws: IsomerError.self) { try ImageDecoder.decode(path) }
                #expect(error?.code == .unsupported)
                continue
            }
            guard words[1] != "refused" else {
                #expect(throws: IsomerError.self, "\(words[0])") { try ImageDecoder.decode(path) }
                continue
            }
            let image = try ImageDecoder.decode(path)
            let expected = try ImageDecoder.decode(Self.folder.appending(words[2])).bitmap
            #expect(image.bitmap.size == expected.size && image.bitmap.channels == expected.channels, "\(words[0])")
            let difference = zip(image.bitmap.bytes, expected.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(difference <= (Int(words[1]) ?? 0), "\(words[0]) differs by \(difference)")
        }
    }

    @Test(.enabled(if: ImageDecoder.readsWebP)) func cutAndDamagedFiles() throws {
        let bytes = try ReadableFile(Self.folder.appending("lossy.webp")).contents(limit: 1 << 20)
        for cut in stride(from: 0, to: bytes.count - 1, by: 97) {
            #expect(throws: IsomerError.self, "cut to \(cut)") { try ImageDecoder.decode(Array(bytes[..<cut])) }
        }
        var lenient = DecodeOptions()
        lenient.allowTruncated = true
        #expect(try ImageDecoder.decode(Array(bytes[..<(bytes.count * 3 / 4)]), options: lenient).isTruncated)
        var tight = DecodeOptions()
        tight.limits.pixels = 100
        let refused = #expect(throws: IsomerError.self) { try ImageDecoder.decode(bytes, options: tight) }
        #expect(refused?.code == .limitExceeded)
        var dice = Dice(7)
        for _ in 0..<300 {
            var damaged = bytes
            for _ in 0...dice.below(4) { damaged[dice.below(damaged.count)] = UInt8(truncatingIfNeeded: dice.next()) }
            _ = try? ImageDecoder.decode(damaged, options: tight)
            _ = try? ImageDecoder.decode(damaged, options: lenient)
        }
    }
}
