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
        limits: Limits,
        level: isomer_level = isomer_level_current()
    ) throws(IsomerError) {
        self.orientation = orientation
        let passes = passes.stored(standing: orientation, size)
        let (step, lot) = (channels.count, RowPass.lot(channels.count, level))
        let made = PixelSize(passes.horizontal?.outputs ?? size.width, passes.vertical?.outputs ?? size.height)
        output = try RowWindow(made, channels, keepsAll: true, lot: lot, limits: limits)
        switch (passes.horizontal, passes.vertical) {
        case (nil, nil): return nil
        case (let horizontal?, nil):
            reader = try RowPass(horizontal, channels: step, rows: 0..<size.height, into: output, level: level)
        case (nil, let vertical?):
            reader = try ColumnPass(vertical, bytes: 0..<size.width * step, into: output, level: level)
        case (let horizontal?, let vertical?) where passes.columnsFirst:
            // Only the columns that the second pass uses are made.
            let columns = horizontal.inputRange
            let second = try RowPass(
                horizontal.shifted(by: -columns.lowerBound), channels: step, rows: 0..<made.height, into: output, level: level)
            let between = try RowWindow(PixelSize(columns.count, made.height), channels, readers: [second], lot: lot, limits: limits)
            reader = try ColumnPass(
                vertical, bytes: columns.lowerBound * step..<columns.upperBound * step, into: between, level: level)
        case (let horizontal?, let vertical?):
            // Only the rows that the second pass uses are made.
            let rows = vertical.inputRange
            let second = try ColumnPass(
                vertical.shifted(by: -rows.lowerBound), bytes: 0..<made.width * step, into: output, level: level)
            let between = try RowWindow(PixelSize(made.width, rows.count), channels, readers: [second], lot: lot, limits: limits)
            reader = try RowPass(horizontal, channels: step, rows: rows, into: between, level: level)
        }
    }

    /// The resampled picture, upright. Throws `malformed` if not all rows came.
    func result() throws(IsomerError) -> Bitmap {
        guard let bitmap = output.bitmap else { throw IsomerError(.malformed, "not all rows of the picture came") }
        return try bitmap.oriented(orientation)
    }
}
