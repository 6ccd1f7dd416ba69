internal import CKernels
internal import IsomerBytes

/// Resampling of a picture whose rows come one after the other, whichever way up: the first pass hands its rows to the second one, so that what
/// lies between them never leaves the cache.
struct ResamplingStream {
    /// What is to be shown the picture's rows.
    let reader: any RowReader
    private let output: RowWindow
    private let orientation: Orientation

    /// For 8-bit pictures of `size` as stored; `passes` are those of the upright picture. Nil if there is no pass to do.
    init?(
        _ passes: SeparablePasses, of size: PixelSize, _ channels: PixelChannels, standing orientation: Orientation = .upright,
        limits: Limits, level: isomer_level = isomer_level_current()
    ) throws(IsomerError) {
        let kernels = try PassKernels(passes.stored(standing: orientation, size), of: size, channels, level: level)
        try self.init(kernels, of: size, channels, standing: orientation, limits: limits)
    }

    init?(
        _ kernels: PassKernels, of size: PixelSize, _ channels: PixelChannels, standing orientation: Orientation, limits: Limits
    ) throws(IsomerError) {
        self.orientation = orientation
        let (step, lot) = (channels.count, RowPass.lot(channels.count, kernels.level))
        let made = PixelSize(kernels.horizontal?.outputs ?? size.width, kernels.vertical?.outputs ?? size.height)
        output = try RowWindow(made, channels, keepsAll: true, lot: lot, limits: limits)
        switch (kernels.horizontal, kernels.vertical) {
        case (nil, nil): return nil
        case (let horizontal?, nil):
            reader = try RowPass(horizontal, channels: step, rows: kernels.rows, into: output)
        case (nil, let vertical?):
            reader = ColumnPass(vertical, bytes: 0..<size.width * step, into: output)
        case (let horizontal?, let vertical?) where kernels.columnsFirst:
            let columns = kernels.columns
            let second = try RowPass(horizontal, channels: step, rows: 0..<made.height, into: output)
            let between = try RowWindow(PixelSize(columns.count, made.height), channels, readers: [second], lot: lot, limits: limits)
            reader = ColumnPass(vertical, bytes: columns.lowerBound * step..<columns.upperBound * step, into: between)
        case (let horizontal?, let vertical?):
            let rows = kernels.rows
            let second = ColumnPass(vertical, bytes: 0..<made.width * step, into: output)
            let between = try RowWindow(PixelSize(made.width, rows.count), channels, readers: [second], lot: lot, limits: limits)
            reader = try RowPass(horizontal, channels: step, rows: rows, into: between)
        }
    }

    /// The resampled picture, upright. Throws `malformed` if not all rows came.
    func result() throws(IsomerError) -> Bitmap {
        guard let bitmap = output.bitmap else { throw Self.isCut }
        return try bitmap.oriented(orientation)
    }

    /// Decoders throw before this is seen.
    static var isCut: IsomerError { IsomerError(.malformed, "not all rows of the picture came") }
}
