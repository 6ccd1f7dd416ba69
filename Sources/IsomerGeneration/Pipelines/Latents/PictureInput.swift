import IsomerBytes
import IsomerImages

/// A picture that is given beside the prompt, decoded, of any size.
struct PictureInput {
    let path: FilePath
    private let bitmap: Bitmap

    /// One that was made.
    init(_ bitmap: Bitmap) {
        path = ""
        self.bitmap = bitmap
    }

    /// Reads a file.
    init(_ path: FilePath, limits: Limits) throws(IsomerError) {
        self.path = path
        var options = DecodeOptions()
        options.limits = limits
        var bitmap = try ImageDecoder.decode(path, options: options).bitmap
        if bitmap.channels.hasAlpha { bitmap = try bitmap.composited(over: 255, 255, 255) }
        self.bitmap = try bitmap.expandedToColour()
    }

    var size: PixelSize { bitmap.size }

    /// Its samples from 0 to 1 in another size, `[height, width, 3]`.
    func samples(_ size: PixelSize) throws(IsomerError) -> Values {
        let fitted = try bitmap.resampled(to: size, filter: .lanczos)
        return Values([size.height, size.width, 3], fitted.withUnsafeBytes { $0.map { Float($0) / 255 } })
    }

    /// The same from -1 to 1.
    func picture(_ size: PixelSize) throws(IsomerError) -> Values { try samples(size).mapped { 2 * $0 - 1 } }

    /// Where it is white, in another size: 1 from half on, else 0, `[height, width, 1]`.
    func mask(_ size: PixelSize) throws(IsomerError) -> Values {
        let gray = try bitmap.gray().resampled(to: size, filter: .lanczos)
        return Values([size.height, size.width, 1], gray.withUnsafeBytes { $0.map { Float($0) / 255 >= 0.5 ? 1 : 0 } })
    }
}

extension Values {
    /// The pixels of each square of `factor` as channels, row by row: of one channel.
    func unfolded(by factor: Int) -> Values {
        let (height, width) = (shape[0] / factor, shape[1] / factor)
        guard isReal else { return Values([height, width, factor * factor]) }
        var numbers: [Float] = []
        numbers.reserveCapacity(self.numbers.count)
        for row in 0..<height {
            for column in 0..<width {
                for line in 0..<factor {
                    let from = (row * factor + line) * shape[1] + column * factor
                    numbers += self.numbers[from..<from + factor]
                }
            }
        }
        return Values([height, width, factor * factor], numbers)
    }

    /// Every `factor`th pixel, as PyTorch's nearest interpolation takes them.
    func thinned(by factor: Int) -> Values {
        let (height, width, channels) = (shape[0] / factor, shape[1] / factor, shape[2])
        guard isReal else { return Values([height, width, channels]) }
        var numbers: [Float] = []
        for row in 0..<height {
            for column in 0..<width {
                let from = (row * factor * shape[1] + column * factor) * channels
                numbers += self.numbers[from..<from + channels]
            }
        }
        return Values([height, width, channels], numbers)
    }
}
