public import IsomerBytes
public import IsomerImages

/// Several pictures in one: rows of cells as large as the largest picture, each picture in the middle of its cell.
public enum ImageGrid {
    /// As many columns as make a grid of so many pictures nearly square. Reference: AUTOMATIC1111 1.10, modules/images.py `image_grid`.
    public static func columns(for count: Int) -> Int {
        guard count > 0 else { return 1 }
        let rows = max(1, Int(Double(count).squareRoot().rounded(.toNearestOrEven)))
        return (count + rows - 1) / rows
    }

    /// The pictures in rows of `columns`, with `gap` pixels between cells. A picture that is missing, and what no picture covers, is of the
    /// `background`'s colour. Pictures with alpha are put over it.
    ///
    /// - Throws: `usage` if there is no picture or no column, `limitExceeded` if the grid takes more memory than one picture may.
    public static func joined(
        _ pictures: [Bitmap?], columns: Int, gap: Int = 0, background: (red: UInt8, green: UInt8, blue: UInt8) = (255, 255, 255),
        limits: Limits = Limits()
    ) throws(IsomerError) -> Bitmap {
        let present = pictures.compactMap(\.self)
        guard let width = present.map(\.width).max(), let height = present.map(\.height).max(), columns >= 1, gap >= 0, gap <= 10_000 else {
            throw IsomerError(
                .usage, "a grid needs a picture and a column", found: "\(present.count) pictures, \(columns) columns, gap \(gap)")
        }
        let across = min(columns, pictures.count)
        let down = (pictures.count + across - 1) / across
        func side(_ count: Int, _ cell: Int) -> (Int, Bool) {
            let (cells, overflows) = count.multipliedReportingOverflow(by: cell + gap)
            return (cells - gap, overflows)
        }
        let (wide, high) = (side(across, width), side(down, height))
        let (pixels, overflows) = wide.0.multipliedReportingOverflow(by: high.0)
        guard !wide.1, !high.1, !overflows, pixels <= Int.max / 3, UInt64(pixels) * 3 <= limits.pictureBytes else {
            throw IsomerError(
                .limitExceeded, "the grid takes more memory than one picture may", expected: "at most \(limits.pictureBytes) bytes",
                found: "\(wide.0)x\(high.0) pixels", remedy: "make fewer or smaller pictures")
        }
        var bytes = [UInt8](repeating: background.red, count: pixels * 3)
        if background.green != background.red || background.blue != background.red {
            for pixel in 0..<pixels {
                bytes[3 * pixel + 1] = background.green
                bytes[3 * pixel + 2] = background.blue
            }
        }
        for (index, picture) in pictures.enumerated() {
            guard let picture else { continue }
            let colour = try picture.expandedToColour().composited(over: background.red, background.green, background.blue)
            let eight = try colour.reducedTo8Bits()
            let left = index % across * (width + gap) + (width - eight.width) / 2
            let top = index / across * (height + gap) + (height - eight.height) / 2
            let source = eight.bytes
            for row in 0..<eight.height {
                let start = ((top + row) * wide.0 + left) * 3
                bytes.replaceSubrange(start..<start + eight.rowBytes, with: source[row * eight.rowBytes..<(row + 1) * eight.rowBytes])
            }
        }
        return try Bitmap(width: wide.0, height: high.0, channels: .rgb, bytes: bytes)
    }

    /// The pictures as small ones whose longer sides are at most `side`, in rows of `columns`.
    public static func contactSheet(
        _ pictures: [Bitmap?], columns: Int, side: Int = 256, gap: Int = 8, limits: Limits = Limits()
    ) throws(IsomerError) -> Bitmap {
        guard (1...16_384).contains(side) else {
            throw IsomerError(.usage, "the side of the sheet's pictures is out of range", expected: "1 to 16384", found: "\(side)")
        }
        var small: [Bitmap?] = []
        for picture in pictures {
            guard let picture, max(picture.width, picture.height) > side else {
                small.append(picture)
                continue
            }
            let scale = Double(side) / Double(max(picture.width, picture.height))
            let size = PixelSize(
                max(1, Int((Double(picture.width) * scale).rounded())), max(1, Int((Double(picture.height) * scale).rounded())))
            small.append(try picture.resampled(to: size, filter: .lanczos, reducingGap: nil, limits: limits))
        }
        return try joined(small, columns: columns, gap: gap, limits: limits)
    }
}
