internal import IsomerBytes

extension Bitmap {
    /// Averages of groups of `factorX` × `factorY` pixels of a part of the picture; groups at the edges average what there is.
    ///
    /// Reference: Pillow 13.0.0, src/libImaging/Reduce.c: (sum + n/2) · ⌊2²⁴/n⌋ >> 24.
    func averaged(x: Int, y: Int, width: Int, height: Int, _ factorX: Int, _ factorY: Int) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(
            uninitialized: (width + factorX - 1) / factorX, (height + factorY - 1) / factorY, channels)
        let step = channels.count
        var sums = [UInt32](repeating: 0, count: result.width * step)
        for row in 0..<result.height {
            let rows = row * factorY..<min(height, (row + 1) * factorY)
            sums.withUnsafeMutableBufferPointer { sums in
                sums.update(repeating: 0)
                for inputRow in rows {
                    var from = source + (y + inputRow) * rowBytes + x * step
                    var cell = 0
                    var left = factorX
                    for _ in 0..<width {
                        for c in 0..<step { sums[cell + c] &+= UInt32(from[c]) }
                        from += step
                        left &-= 1
                        if left == 0 {
                            left = factorX
                            cell &+= step
                        }
                    }
                }
            }
            let output = result.target + row * result.rowBytes
            for column in 0..<result.width {
                let columns = min(width, (column + 1) * factorX) - column * factorX
                let count = UInt32(columns * rows.count)
                let scale = 16_777_216 / count
                for c in 0..<step {
                    output[column * step + c] = UInt8(
                        truncatingIfNeeded: ((sums[column * step + c] &+ count / 2) &* scale) >> 24)
                }
            }
        }
        return result
    }

    /// Colours times alpha: Pillow's modes "RGBa" and "La".
    func premultiplied() throws(IsomerError) -> Bitmap {
        try recoloured { value, alpha in
            let product = value &* alpha &+ 128
            return UInt8(truncatingIfNeeded: ((product >> 8) &+ product) >> 8)
        }
    }

    /// Colours divided by alpha again, cut off and not rounded.
    func unpremultiplied() throws(IsomerError) -> Bitmap {
        try recoloured { value, alpha in
            alpha == 0 || alpha == 255 ? UInt8(truncatingIfNeeded: value) : UInt8(min(255, 255 * value / alpha))
        }
    }

    /// Each colour anew, from its value and the alpha of its pixel, which comes last and stays.
    @inline(__always)
    private func recoloured(_ colour: (_ value: UInt32, _ alpha: UInt32) -> UInt8) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: width, height, channels)
        let step = channels.count
        var (from, to) = (source, result.target)
        for _ in 0..<width * height {
            let alpha = UInt32(from[step - 1])
            for c in 0..<step - 1 { to[c] = colour(UInt32(from[c]), alpha) }
            to[step - 1] = from[step - 1]
            from += step
            to += step
        }
        return result
    }
}
