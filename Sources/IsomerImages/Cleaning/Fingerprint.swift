public import IsomerBytes

/// A few numbers about how a picture looks, for finding copies and bad shots.
public struct PictureScores: Hashable, Sendable {
    /// 64 bits that stay nearly the same when a picture is scaled, recompressed or slightly changed.
    public var hash: UInt64
    /// Variance of the Laplacian at 480 pixels on the longer side: below about 100 a photograph looks soft.
    public var sharpness: Double
    /// Mean brightness, 0 to 1.
    public var exposure: Double
    /// Shares of pixels that are almost black and almost white.
    public var dark: Double
    public var bright: Double
}

extension Bitmap {
    /// Hash, sharpness and exposure.
    public func scores() throws(IsomerError) -> PictureScores {
        try PictureOverview(self).scores()
    }
}

extension PictureOverview {
    func scores() throws(IsomerError) -> PictureScores {
        // The hash compares neighbours on a grid of nine by eight.
        let grid = try small.resampled(to: PixelSize(9, 8), filter: .box).gray().bytes
        var hash: UInt64 = 0
        for y in 0..<8 {
            for x in 0..<8 { hash = hash << 1 | (grid[y * 9 + x] > grid[y * 9 + x + 1] ? 1 : 0) }
        }
        let gray = try gray(Self.side)
        let bytes = gray.bytes
        let total = Double(bytes.count)
        return PictureScores(
            hash: hash, sharpness: Self.laplacianVariance(bytes, gray.size),
            exposure: Double(bytes.reduce(0) { $0 &+ Int($1) }) / total / 255, dark: Double(bytes.count { $0 < 8 }) / total,
            bright: Double(bytes.count { $0 > 247 }) / total)
    }

    private static func laplacianVariance(_ bytes: [UInt8], _ size: PixelSize) -> Double {
        let width = size.width
        guard width >= 3, size.height >= 3, bytes.count == width * size.height else { return 0 }
        var (sum, squares) = (0, 0)
        bytes.withUnsafeBufferPointer { bytes in
            for y in 1..<size.height - 1 {
                // A row's sums fit 32 bits, for the small sides that an overview has.
                var (rowSum, rowSquares): (Int32, UInt32) = (0, 0)
                for i in y * width + 1..<(y + 1) * width - 1 {
                    let around = Int32(bytes[i - 1]) &+ Int32(bytes[i + 1]) &+ Int32(bytes[i - width]) &+ Int32(bytes[i + width])
                    let value = 4 &* Int32(bytes[i]) &- around
                    rowSum &+= value
                    rowSquares &+= UInt32(bitPattern: value &* value)
                }
                sum += Int(rowSum)
                squares += Int(rowSquares)
            }
        }
        let count = Double((width - 2) * (size.height - 2))
        return Double(squares) / count - (Double(sum) / count) * (Double(sum) / count)
    }
}

/// Groups of pictures whose hashes differ in at most `distance` bits.
///
/// Two hashes that differ in at most three bits agree in at least one of four 16-bit parts, so only those that share a part are compared.
public struct DuplicateFinder: Sendable {
    public static let distance = 3
    private var hashes: [UInt64] = []
    private var parts = Array(repeating: Part(), count: 4)

    /// The pictures that share one of four parts, as lists in the order in which they came: 4 bytes for each picture.
    private struct Part {
        var first = [UInt32](repeating: .max, count: 1 << 16)
        var last = [UInt32](repeating: .max, count: 1 << 16)
        var next: [UInt32] = []
    }

    public init() {}

    /// Adds the next picture, and answers the number of the first earlier one that it resembles.
    public mutating func insert(_ hash: UInt64) -> Int? {
        let index = UInt32(truncatingIfNeeded: hashes.count)
        hashes.append(hash)
        var match: UInt32?
        for part in parts.indices {
            let key = Int(UInt16(truncatingIfNeeded: hash >> (16 * UInt64(part))))
            parts[part].next.append(.max)
            // Flat pictures share parts by the thousand; the first few tell as much as all.
            var (other, count) = (parts[part].first[key], 0)
            while other != .max, count < 512 {
                if (hashes[Int(other)] ^ hash).nonzeroBitCount <= Self.distance { match = Swift.min(match ?? other, other) }
                other = parts[part].next[Int(other)]
                count += 1
            }
            let last = parts[part].last[key]
            guard match == nil || last == .max else { continue }
            if last == .max { parts[part].first[key] = index } else { parts[part].next[Int(last)] = index }
            parts[part].last[key] = index
        }
        return match.map { Int($0) }
    }
}
