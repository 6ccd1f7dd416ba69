public import IsomerBytes

/// A part of a picture in pixels; fractions are allowed.
public struct PixelBox: Hashable, Sendable {
    public var left: Double
    public var top: Double
    public var right: Double
    public var bottom: Double

    public init(left: Double, top: Double, right: Double, bottom: Double) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    public var width: Double { right - left }
    public var height: Double { bottom - top }
    public var area: Double { max(0, width) * max(0, height) }
    public var centre: (x: Double, y: Double) { ((left + right) / 2, (top + bottom) / 2) }

    /// What both share; its sides may be negative if that is nothing.
    public func intersection(_ other: PixelBox) -> PixelBox {
        PixelBox(
            left: max(left, other.left), top: max(top, other.top), right: min(right, other.right), bottom: min(bottom, other.bottom))
    }

    /// The smallest box around both.
    public func union(_ other: PixelBox) -> PixelBox {
        PixelBox(
            left: min(left, other.left), top: min(top, other.top), right: max(right, other.right), bottom: max(bottom, other.bottom))
    }
}

/// Which Pillow the bytes are to equal.
public enum PillowCompatibility: Int, Hashable, Sendable, CaseIterable {
    /// Rows before columns, but for pictures more than 100 times as tall as wide; `reducingGap` does nothing where there is alpha.
    case pillow12 = 12
    /// Columns first when that leaves much less to do for the rows.
    case pillow13 = 13
}

extension Bitmap {
    /// The picture, or its part `box`, in another size: the same bytes as Pillow's `Image.resize(size, filter, box, reducing_gap)`.
    ///
    /// Where there is alpha, colours count as much as they are visible. 8-bit samples are rounded after each of the two passes;
    /// 16-bit and float samples are summed in double precision.
    ///
    /// - Parameters:
    ///   - box: Defaults to the whole picture and must lie inside it.
    ///   - reducingGap: First averages whole groups of pixels, as far as at least this factor remains for `filter`; 1 or more. Faster and
    ///     a little different. 8-bit samples only.
    public func resampled(
        to size: PixelSize, filter: ResamplingFilter = .bicubic, box: PixelBox? = nil, reducingGap: Double? = nil,
        compatibility: PillowCompatibility = .pillow13, limits: Limits = Limits()
    ) throws(IsomerError) -> Bitmap {
        let whole = PixelBox(left: 0, top: 0, right: Double(width), bottom: Double(height))
        let box = box ?? whole
        guard Self.isInside(box, self.size) else {
            throw IsomerError(.usage, "the box lies outside the picture", expected: "within \(self.size)", found: "\(box)")
        }
        guard Self.isSize(size) else {
            throw IsomerError(.usage, "a picture needs at least one pixel, and not billions on a side", found: "\(size)")
        }
        if let reducingGap, !(reducingGap >= 1) {
            throw IsomerError(.usage, "the reducing gap must be at least 1", found: "\(reducingGap)")
        }
        if size == self.size && box == whole { return self }
        if filter == .area { return try areaResampled(to: size, box: box, limits: limits) }
        guard channels.hasAlpha, filter != .nearest, samples == .uint8 else {
            return try resampledPlain(to: size, filter, box, reducingGap, compatibility, limits)
        }
        let gap = compatibility == .pillow12 ? nil : reducingGap
        return try premultiplied().resampledPlain(to: size, filter, box, gap, compatibility, limits).unpremultiplied()
    }

    private static func isInside(_ box: PixelBox, _ picture: PixelSize) -> Bool {
        box.left >= 0 && box.top >= 0 && box.right <= Double(picture.width) && box.bottom <= Double(picture.height) && box.left < box.right
            && box.top < box.bottom
    }

    private static func isSize(_ size: PixelSize) -> Bool {
        size.width > 0 && size.height > 0 && size.width <= Int32.max / 4 && size.height <= Int32.max / 4
    }

    /// Whether a box of a picture can be resampled to a size.
    static func isResampled(_ picture: PixelSize, to size: PixelSize, _ box: PixelBox) -> Bool {
        isInside(box, picture) && isSize(size)
    }

    /// The same without regard to alpha.
    private func resampledPlain(
        to size: PixelSize, _ filter: ResamplingFilter, _ box: PixelBox, _ reducingGap: Double?, _ compatibility: PillowCompatibility,
        _ limits: Limits
    ) throws(IsomerError) -> Bitmap {
        var (picture, box) = (self, box)
        if let reducingGap, filter != .nearest, samples == .uint8 {
            let factorX = max(1, Int(box.width / Double(size.width) / reducingGap))
            let factorY = max(1, Int(box.height / Double(size.height) / reducingGap))
            if factorX > 1 || factorY > 1 {
                let reach = filter.support - 0.5
                let (reachX, reachY) = (reach * (box.width / Double(size.width)), reach * (box.height / Double(size.height)))
                let left = max(0, Int(box.left - reachX))
                let top = max(0, Int(box.top - reachY))
                let right = min(width, Int((box.right + reachX).rounded(.up)))
                let bottom = min(height, Int((box.bottom + reachY).rounded(.up)))
                picture = try averaged(x: left, y: top, width: right - left, height: bottom - top, factorX, factorY)
                box = PixelBox(
                    left: (box.left - Double(left)) / Double(factorX), top: (box.top - Double(top)) / Double(factorY),
                    right: (box.right - Double(left)) / Double(factorX), bottom: (box.bottom - Double(top)) / Double(factorY))
            }
        }
        if let passes = SeparablePasses(from: picture.size, to: size, filter, box, compatibility) {
            return try picture.filtered(passes, limits)
        }
        let edges = (left: Float(box.left), top: Float(box.top), right: Float(box.right), bottom: Float(box.bottom))
        if filter == .nearest { return try picture.nearest(to: size, edges, limits) }
        return try picture.cropped(x: Int(edges.left), y: Int(edges.top), width: size.width, height: size.height)
    }

    /// Reference: Pillow 13.0.0, src/libImaging/Geometry.c: 8-bit pictures step along with a running sum, 16-bit ones multiply.
    private func nearest(
        to size: PixelSize, _ edges: (left: Float, top: Float, right: Float, bottom: Float), _ limits: Limits
    ) throws(IsomerError) -> Bitmap {
        func places(_ count: Int, _ start: Float, _ end: Float, _ input: Int) -> [Int] {
            let scale = Double(end - start) / Double(count)
            var sum = Double(start) + scale * 0.5
            return (0..<count).map { index in
                let place = samples == .uint16 ? scale * (Double(index) + 0.5) + Double(start) : sum
                sum += scale
                return min(max(Int(place), 0), input - 1)
            }
        }
        let columns = places(size.width, edges.left, edges.right, width)
        let rows = places(size.height, edges.top, edges.bottom, height)
        let result = try Bitmap(uninitialized: size.width, size.height, channels, samples, limits: limits)
        let pixel = channels.count * samples.byteCount
        for (y, row) in rows.enumerated() {
            let (from, to) = (source + row * rowBytes, result.target + y * result.rowBytes)
            for (x, column) in columns.enumerated() { (to + x * pixel).update(from: from + column * pixel, count: pixel) }
        }
        return result
    }
}
