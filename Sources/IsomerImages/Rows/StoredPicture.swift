internal import IsomerBytes

/// A bitmap as its file has it, and how it is to be turned. A large picture is not turned itself, only what is made of it.
struct StoredPicture {
    let bitmap: Bitmap
    var orientation = Orientation.upright

    /// The size of the upright picture.
    var size: PixelSize { orientation.upright(bitmap.size) }

    func upright() throws(IsomerError) -> Bitmap { try bitmap.oriented(orientation) }

    /// The upright picture, or its part `box`, in another size: the same bytes as `Bitmap.resampled` of it.
    func resampled(
        to size: PixelSize, filter: ResamplingFilter, box: PixelBox, compatibility: PillowCompatibility = .pillow13,
        limits: Limits = Limits()
    ) throws(IsomerError) -> Bitmap {
        let layout = PictureLayout(size: bitmap.size, channels: bitmap.channels, samples: bitmap.samples, orientation: orientation)
        guard orientation != .upright,
            let stream = try ResamplingStream(layout, to: size, filter, box, compatibility, limits)
        else { return try upright().resampled(to: size, filter: filter, box: box, compatibility: compatibility, limits: limits) }
        RowWindow(showing: bitmap, to: [stream.reader]).advanceToEnd()
        return try stream.result()
    }
}

extension ResamplingStream {
    /// What `Bitmap.resampled` makes of the upright picture, from its rows. Nil where the whole picture is needed, or nothing is resampled, or the
    /// box is none.
    ///
    /// - Parameter recurs: Whether other pictures are likely to be cut in the same way.
    init?(
        _ layout: PictureLayout, to size: PixelSize, _ filter: ResamplingFilter, _ box: PixelBox, _ compatibility: PillowCompatibility,
        _ limits: Limits, recurs: Bool = false
    ) throws(IsomerError) {
        guard layout.samples == .uint8, !layout.channels.hasAlpha, Bitmap.isResampled(layout.upright, to: size, box) else { return nil }
        func make() throws(IsomerError) -> PassKernels? {
            try SeparablePasses(from: layout.upright, to: size, filter, box, compatibility).map { passes throws(IsomerError) in
                try PassKernels(passes, of: layout)
            }
        }
        let key = PassKernels.Key(layout: layout, size: size, filter: filter, box: box, compatibility: compatibility)
        guard let kernels = try recurs ? PassKernels.recurring(key, make) : make() else { return nil }
        try self.init(kernels, of: layout.size, layout.channels, standing: layout.orientation, limits: limits)
    }
}
