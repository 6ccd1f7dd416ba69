public import IsomerBytes

extension Bitmap {
    /// 8-bit samples. 16-bit samples keep their high byte, as Pillow does for colour; it clips gray ones to white instead, which nobody wants.
    public func reducedTo8Bits() throws(IsomerError) -> Bitmap {
        guard samples != .uint8 else { return self }
        let result = try Bitmap(uninitialized: width, height, channels)
        let count = result.byteCount
        withUnsafeBytes { bytes in
            if samples == .uint16 {
                let values = bytes.bindMemory(to: UInt16.self)
                for i in 0..<count { result.target[i] = UInt8(truncatingIfNeeded: values[i] >> 8) }
            } else {
                let values = bytes.bindMemory(to: Float.self)
                for i in 0..<count { result.target[i] = UInt8(Swift.min(Swift.max(values[i].isNaN ? 0 : values[i], 0), 255)) }
            }
        }
        return result
    }

    /// Gray as three equal channels; alpha stays if it is there. 8 bits only.
    public func expandedToColour() throws(IsomerError) -> Bitmap {
        guard !channels.isColour else { return self }
        let eight = try reducedTo8Bits()
        defer { withExtendedLifetime(eight) {} }
        let result = try Bitmap(uninitialized: width, height, channels.hasAlpha ? .rgba : .rgb)
        var (from, to) = (eight.source, result.target)
        for _ in 0..<width * height {
            to[0] = from[0]
            to[1] = from[0]
            to[2] = from[0]
            if channels.hasAlpha { to[3] = from[1] }
            from += channels.count
            to += result.channels.count
        }
        return result
    }

    /// Brightness with the weights of ITU-R BT.601 in 16-bit fixed point; alpha is dropped. 8 bits only.
    ///
    /// Reference: Pillow 13.0.0, `convert("L")`: (R·19595 + G·38470 + B·7471 + 2¹⁵) >> 16.
    public func gray() throws(IsomerError) -> Bitmap {
        if channels == .gray { return try reducedTo8Bits() }
        let eight = try reducedTo8Bits()
        defer { withExtendedLifetime(eight) {} }
        let result = try Bitmap(uninitialized: width, height, .gray)
        var from = eight.source
        if channels == .grayAlpha {
            for i in 0..<width * height { result.target[i] = from[2 * i] }
            return result
        }
        for i in 0..<width * height {
            let sum = UInt32(from[0]) &* 19595 &+ UInt32(from[1]) &* 38470 &+ UInt32(from[2]) &* 7471 &+ 0x8000
            result.target[i] = UInt8(truncatingIfNeeded: sum >> 16)
            from += channels.count
        }
        return result
    }

    /// The alpha channel as a gray picture; all white where there is none.
    public func alphaMask() throws(IsomerError) -> Bitmap {
        let eight = try reducedTo8Bits()
        defer { withExtendedLifetime(eight) {} }
        let result = try Bitmap(uninitialized: width, height, .gray)
        guard channels.hasAlpha else {
            result.target.initialize(repeating: 255, count: width * height)
            return result
        }
        for i in 0..<width * height { result.target[i] = eight.source[(i + 1) * channels.count - 1] }
        return result
    }

    /// The picture over a background of one colour. Alpha is straight, not premultiplied; 8 bits only.
    public func composited(over red: UInt8, _ green: UInt8, _ blue: UInt8) throws(IsomerError) -> Bitmap {
        guard channels.hasAlpha else { return self }
        let eight = try reducedTo8Bits()
        defer { withExtendedLifetime(eight) {} }
        // A gray picture stays gray over a gray background.
        if channels == .grayAlpha && !(red == green && green == blue) {
            return try eight.expandedToColour().composited(over: red, green, blue)
        }
        let result = try Bitmap(uninitialized: width, height, channels.opaque)
        let background = (UInt32(red), UInt32(green), UInt32(blue))
        var (from, to) = (eight.source, result.target)
        for _ in 0..<width * height {
            if channels == .rgba {
                let alpha = UInt32(from[3])
                to[0] = mix(UInt32(from[0]), background.0, alpha)
                to[1] = mix(UInt32(from[1]), background.1, alpha)
                to[2] = mix(UInt32(from[2]), background.2, alpha)
                from += 4
                to += 3
            } else {
                to[0] = mix(UInt32(from[0]), background.0, UInt32(from[1]))
                from += 2
                to += 1
            }
        }
        return result
    }

    /// (c·a + b·(255−a)) / 255, rounded.
    private func mix(_ colour: UInt32, _ background: UInt32, _ alpha: UInt32) -> UInt8 {
        let sum = colour &* alpha &+ background &* (255 &- alpha) &+ 128
        return UInt8(truncatingIfNeeded: (sum &+ (sum >> 8)) >> 8)
    }

    /// The picture without its alpha channel, whatever colours that reveals. Says nothing about samples: any type.
    public func droppingAlpha() throws(IsomerError) -> Bitmap {
        guard channels.hasAlpha else { return self }
        let result = try Bitmap(uninitialized: width, height, channels.opaque, samples)
        let (wide, narrow) = (channels.count * samples.byteCount, channels.opaque.count * samples.byteCount)
        for i in 0..<width * height {
            (result.target + i * narrow).update(from: source + i * wide, count: narrow)
        }
        return result
    }
}
