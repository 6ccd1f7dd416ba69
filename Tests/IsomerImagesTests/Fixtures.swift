import CKernels
import IsomerBytes

@testable import IsomerImages

func lines(of path: FilePath) throws -> [[String]] {
    let text = String(decoding: try ReadableFile(path).contents(limit: 1 << 24), as: UTF8.self)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ").map(String.init) }
}

func checksum(_ bitmap: Bitmap) -> UInt32 {
    bitmap.withUnsafeBytes { isomer_crc32(ISOMER_LEVEL_BASELINE, 0, $0.baseAddress, $0.count) }
}

/// The same numbers on every machine and every run.
struct Dice {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
    mutating func below(_ limit: Int) -> Int { Int(next() >> 11) % limit }
}

func noise(_ width: Int, _ height: Int, _ channels: PixelChannels, seed: UInt64) throws -> Bitmap {
    var dice = Dice(seed)
    let bytes = (0..<width * height * channels.count).map { _ in UInt8(truncatingIfNeeded: dice.next() >> 24) }
    return try Bitmap(width: width, height: height, channels: channels, bytes: bytes)
}

/// A picture with slow changes and some edges, as photographs have them.
func scene(_ width: Int, _ height: Int, _ channels: PixelChannels = .rgb, seed: UInt64 = 1) throws -> Bitmap {
    var dice = Dice(seed)
    let (a, b) = (20 + dice.below(60), 20 + dice.below(60))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * channels.count)
    for y in 0..<height {
        for x in 0..<width {
            for c in 0..<channels.count {
                let wave = (x * (c + 2) * 97 / a + y * (c + 1) * 61 / b) % 200
                let block = (x / a + y / b) % 3 * 20
                bytes.append(UInt8(min(255, abs(wave - 100) + block + dice.below(6))))
            }
        }
    }
    return try Bitmap(width: width, height: height, channels: channels, bytes: bytes)
}
