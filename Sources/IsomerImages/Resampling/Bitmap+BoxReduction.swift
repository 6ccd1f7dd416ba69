internal import CKernels
internal import IsomerBytes

extension Bitmap {
    /// A smaller copy whose pixels are averages of those that they cover. Columns come first, unlike in `resampled`: they are the faster
    /// pass, this way they do nearly all of the work, and they can be taken while a picture is decoded. 8 bits only.
    ///
    /// - Parameter columns: What `ColumnReduction` made of this picture, if it did.
    func boxReduced(to size: PixelSize, columns: Bitmap? = nil) throws(IsomerError) -> Bitmap {
        if size == self.size { return self }
        if channels.hasAlpha { return try premultiplied().boxReducedPlain(to: size, columns: nil).unpremultiplied() }
        return try boxReducedPlain(to: size, columns: columns)
    }

    private func boxReducedPlain(to size: PixelSize, columns: Bitmap?) throws(IsomerError) -> Bitmap {
        var reduced: Bitmap
        if let columns, columns.size == PixelSize(width, size.height), columns.channels == channels {
            reduced = columns
        } else {
            reduced = try filteredColumns(ColumnReduction.filter(height, size.height), firstRow: 0, Limits())
        }
        reduced = try reduced.filteredRows(ColumnReduction.filter(width, size.width), rows: 0..<size.height, Limits())
        return reduced
    }
}

/// The columns' part of a box reduction, taken while the rows come: a picture of 36 MB does not have to come back from memory for it.
struct ColumnReduction {
    /// As wide as the picture, and as high as the reduced one.
    let result: Bitmap
    private let picture: Bitmap
    private let filter: AxisFilter

    static func filter(_ input: Int, _ outputs: Int) -> AxisFilter {
        AxisFilter(.box, input: input, from: 0, to: Float(input), outputs: outputs)
    }

    /// For an 8-bit picture whose rows are about to be filled in.
    init(_ picture: Bitmap, height: Int) throws(IsomerError) {
        self.picture = picture
        filter = Self.filter(picture.height, height)
        result = try Bitmap(uninitialized: picture.width, height, picture.channels)
    }

    /// What the progress of a decoder needs to know.
    private struct Progress {
        var level: isomer_level
        var kernel: UnsafePointer<isomer_resample_filter>
        var source: UnsafePointer<UInt8>
        var target: UnsafeMutablePointer<UInt8>
        var rowBytes: Int
        var done = 0

        /// Makes the rows whose inputs are all there.
        mutating func advance(to rows: Int) {
            let filter = kernel.pointee
            var end = done
            while end < filter.outputs, Int(filter.first[end] + filter.count[end]) <= rows { end += 1 }
            guard end > done else { return }
            isomer_resample_columns(level, source, rowBytes, target + done * rowBytes, rowBytes, done, end - done, rowBytes, kernel)
            done = end
        }
    }

    /// Calls `decode` with what it is to be told its progress by.
    func whileDecoding(_ decode: (isomer_sequential_progress, UnsafeMutableRawPointer) -> Bool) -> Bool {
        var isDone = false
        filter.withKernelFilter(channels: 0, level: isomer_level_current()) { kernel, level in
            var progress = Progress(
                level: level, kernel: kernel, source: picture.source, target: result.target, rowBytes: picture.rowBytes)
            // SAFETY: the decoder keeps to this call, in which `progress`, the filter and both bitmaps live.
            isDone = withUnsafeMutablePointer(to: &progress) { pointer in
                decode(
                    { context, rows in
                        guard let context else { return }
                        context.assumingMemoryBound(to: Progress.self).pointee.advance(to: Int(rows))
                    }, pointer)
            }
        }
        return isDone
    }
}
