public import IsomerBytes

/// How a picture must be turned to stand upright: the values of EXIF's tag 274.
///
/// Reference: CIPA DC-008 (Exif 2.32) §4.6.4.
public enum Orientation: Int, Hashable, Sendable, CaseIterable {
    case upright = 1
    case mirrored = 2
    case upsideDown = 3
    case mirroredUpsideDown = 4
    /// Stored rows are columns from the left.
    case transposed = 5
    /// Turn a quarter clockwise.
    case turnRight = 6
    case transversed = 7
    /// Turn a quarter counter-clockwise.
    case turnLeft = 8

    /// Whether width and height change places.
    public var swapsSides: Bool { rawValue >= 5 }

    /// Whether what is stored from left to right goes to the left, or up.
    var reversesRows: Bool { [.mirrored, .upsideDown, .transversed, .turnLeft].contains(self) }
    /// Whether what is stored from the top down goes up, or to the left.
    var reversesColumns: Bool { [.upsideDown, .mirroredUpsideDown, .turnRight, .transversed].contains(self) }

    /// The size of a picture that is turned upright.
    func upright(_ size: PixelSize) -> PixelSize { swapsSides ? PixelSize(size.height, size.width) : size }
}

extension Bitmap {
    /// The picture turned upright.
    public func oriented(_ orientation: Orientation) throws(IsomerError) -> Bitmap {
        guard orientation != .upright else { return self }
        let (width, height) = (self.width, self.height)
        let pixel = channels.count * samples.byteCount
        let result = try Bitmap(
            uninitialized: orientation.swapsSides ? height : width, orientation.swapsSides ? width : height, channels, samples)
        // Where the first pixel of the source goes, and how far one step right and one step down move, in target pixels.
        let (outWidth, outHeight) = (result.width, result.height)
        let last = outWidth * outHeight - 1
        let (start, right, down): (Int, Int, Int) =
            switch orientation {
            case .upright: (0, 1, outWidth)
            case .mirrored: (outWidth - 1, -1, outWidth)
            case .upsideDown: (last, -1, -outWidth)
            case .mirroredUpsideDown: (last - (outWidth - 1), 1, -outWidth)
            case .transposed: (0, outWidth, 1)
            case .turnRight: (outWidth - 1, outWidth, -1)
            case .transversed: (last, -outWidth, -1)
            case .turnLeft: (last - (outWidth - 1), -outWidth, 1)
            }
        // Squares that fit the first cache: a plain loop would touch a new line for every pixel of a turned picture.
        let block = 32
        for top in stride(from: 0, to: height, by: block) {
            for left in stride(from: 0, to: width, by: block) {
                let (bottom, end) = (Swift.min(top + block, height), Swift.min(left + block, width))
                for y in top..<bottom {
                    // SAFETY: start, right and down map 0..<width × 0..<height one-to-one onto the target's pixels.
                    var from = source + (y * width + left) * pixel
                    var to = result.target + (start + y * down + left * right) * pixel
                    let step = right * pixel
                    switch pixel {
                    case 1:
                        for _ in left..<end {
                            to[0] = from[0]
                            from += 1
                            to += step
                        }
                    case 3:
                        for _ in left..<end {
                            to[0] = from[0]
                            to[1] = from[1]
                            to[2] = from[2]
                            from += 3
                            to += step
                        }
                    default:
                        for _ in left..<end {
                            to.update(from: from, count: pixel)
                            from += pixel
                            to += step
                        }
                    }
                }
            }
        }
        return result
    }

    /// The picture as a mirror shows it, left and right exchanged.
    public func mirrored() throws(IsomerError) -> Bitmap {
        try oriented(.mirrored)
    }

    /// The part that begins at (`x`, `y`). Throws `usage` if it does not lie inside.
    public func cropped(x: Int, y: Int, width: Int, height: Int) throws(IsomerError) -> Bitmap {
        guard x >= 0, y >= 0, width > 0, height > 0, width <= self.width, height <= self.height, x <= self.width - width,
            y <= self.height - height
        else {
            throw IsomerError(
                .usage, "the crop lies outside the picture", expected: "within \(size)", found: "\(width)x\(height) at \(x),\(y)")
        }
        if width == self.width && height == self.height { return self }
        let result = try Bitmap(uninitialized: width, height, channels, samples)
        let pixel = channels.count * samples.byteCount
        for row in 0..<height {
            (result.target + row * result.rowBytes).update(from: source + (y + row) * rowBytes + x * pixel, count: result.rowBytes)
        }
        return result
    }
}
