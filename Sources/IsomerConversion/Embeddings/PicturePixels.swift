import IsomerBytes

/// The colours of a PNG picture of 8 bits for each channel, red, green and blue after one another, row by row: what is hidden in a picture stands
/// in them. Other kinds of PNG hold nothing that tools have hidden.
///
/// Reference: W3C, Portable Network Graphics (Third Edition), 2025.
struct PicturePixels {
    let width: Int
    let height: Int
    /// `height` rows of `width` times three bytes.
    private(set) var bytes: [UInt8] = []

    /// More than any picture that a textual inversion was saved in.
    private static let mostBytes = 1 << 28

    /// The picture in `file`; `nil` if it is of another kind, or too large to hold an embedding.
    init?(_ file: ReadableFile, limits: Limits) throws(IsomerError) {
        guard var chunks = try PNGChunks(file, limits: limits), let header = try chunks.next(), header.kind == "IHDR", header.count == 13
        else { return nil }
        let head = try file.bytes(at: header.offset, count: 13)
        func number(_ start: Int) -> Int { head[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
        (width, height) = (number(0), number(4))
        // Colour types 2 and 6: true colour, without and with opacity. The last byte says whether rows are interlaced.
        guard head[8] == 8, head[9] == 2 || head[9] == 6, head[12] == 0, width > 0, height > 0 else { return nil }
        let channels = head[9] == 2 ? 3 : 4
        let (stride, o1) = width.multipliedReportingOverflow(by: channels)
        let (total, o2) = (stride + 1).multipliedReportingOverflow(by: height)
        guard !o1, !o2, total <= Self.mostBytes else { return nil }

        // What is left of the chunk that is being read.
        var rest: Range<UInt64> = 0..<0
        let inflater = try Inflater(.zlib, size: .exactly(UInt64(total))) { buffer throws(IsomerError) in
            while rest.isEmpty {
                guard let chunk = try chunks.next() else { return 0 }
                if chunk.kind == "IDAT" { rest = chunk.offset..<chunk.offset + chunk.count }
            }
            let count = min(buffer.count, Int(clamping: rest.upperBound - rest.lowerBound))
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: rest.lowerBound)
            rest = rest.lowerBound + UInt64(count)..<rest.upperBound
            return count
        }
        var row = [UInt8](repeating: 0, count: stride + 1)
        var above = [UInt8](repeating: 0, count: stride)
        bytes.reserveCapacity(width * height * 3)
        for _ in 0..<height {
            var failure: IsomerError?
            let count = row.withUnsafeMutableBytes { buffer in
                do throws(IsomerError) { return try inflater.read(into: buffer) } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard count == row.count else { return nil }
            guard Self.restore(&row, above, channels) else {
                throw IsomerError(
                    .malformed, "a row of the picture names a filter that PNG does not have", path: file.path, found: "\(row[0])")
            }
            above = Array(row.dropFirst())
            if channels == 3 {
                bytes += above
            } else {
                for start in Swift.stride(from: 0, to: stride, by: 4) { bytes += above[start..<start + 3] }
            }
        }
    }

    /// Undoes the filter of a row, which its first byte names; false if it names none.
    private static func restore(_ row: inout [UInt8], _ above: [UInt8], _ channels: Int) -> Bool {
        let filter = row[0]
        guard filter <= 4 else { return false }
        guard filter > 0 else { return true }
        for i in 1..<row.count {
            let left = i > channels ? Int(row[i - channels]) : 0
            let up = Int(above[i - 1])
            let corner = i > channels ? Int(above[i - 1 - channels]) : 0
            let guess: Int
            switch filter {
            case 1: guess = left
            case 2: guess = up
            case 3: guess = (left + up) / 2
            default:
                let (a, b, c) = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
                guess = a <= b && a <= c ? left : b <= c ? up : corner
            }
            row[i] &+= UInt8(truncatingIfNeeded: guess)
        }
        return true
    }
}

extension PicturePixels {
    /// What the web UI hides in a picture's edges: a strip at the left holds the lower halves of bytes, one at the right the upper ones, each
    /// beside a black column and mixed with a sequence that everybody knows. `nil` if there is none.
    ///
    /// Reference: AUTOMATIC1111/stable-diffusion-webui, modules/textual_inversion/image_embedding.py `extract_image_data_embed`, 1.10.
    func hiddenBytes() -> [UInt8]? {
        let (columns, rows) = bounds()
        guard columns.count > 2, !rows.isEmpty else { return nil }
        func half(_ column: Int, _ row: Int, _ channel: Int) -> UInt8 { bytes[(row * width + column) * 3 + channel] & 15 }
        // Columns that hold nothing in their lower halves.
        let empty = columns.filter { column in rows.allSatisfy { row in (0..<3).allSatisfy { half(column, row, $0) == 0 } } }
        guard empty.count >= 2, let first = empty.first, let last = empty.last else { return nil }
        let (left, right) = (columns.lowerBound..<first, last + 1..<columns.upperBound)
        guard !left.isEmpty, left.count == right.count else { return nil }
        var hidden: [UInt8] = []
        hidden.reserveCapacity(left.count * rows.count * 3)
        // A linear congruential generator with the constants of Numerical Recipes, from 0.
        var state: UInt32 = 0
        for row in rows {
            for column in 0..<left.count {
                for channel in 0..<3 {
                    state = state &* 1_664_525 &+ 1_013_904_223
                    let mask = UInt8(state % 255) & 15
                    let low = half(left.lowerBound + column, row, channel) ^ mask
                    let high = half(right.lowerBound + column, row, channel) ^ mask
                    hidden.append(high << 4 | low)
                }
            }
        }
        return hidden
    }

    /// The columns and rows between the first and the last that have a pixel with something in every channel.
    private func bounds() -> (columns: Range<Int>, rows: Range<Int>) {
        var (left, right, top, bottom) = (width, -1, height, -1)
        for row in 0..<height {
            for column in 0..<width {
                let start = (row * width + column) * 3
                guard bytes[start] > 0, bytes[start + 1] > 0, bytes[start + 2] > 0 else { continue }
                (left, right, top, bottom) = (min(left, column), max(right, column), min(top, row), max(bottom, row))
            }
        }
        guard right >= left, bottom >= top else { return (0..<0, 0..<0) }
        return (left..<right + 1, top..<bottom + 1)
    }
}
