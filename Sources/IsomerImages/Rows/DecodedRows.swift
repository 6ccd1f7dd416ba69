internal import IsomerBytes

/// What is known of a picture before its first row.
struct PictureLayout: Hashable {
    /// In pixels as they come: stored rows, after shrinking.
    var size: PixelSize
    var channels: PixelChannels
    var samples: SampleType
    /// How it is to be turned.
    var orientation: Orientation

    var upright: PixelSize { orientation.upright(size) }
}

/// Who looks at a picture's rows, and whether they stay. Readers are for 8-bit samples.
struct RowPlan {
    var readers: [any RowReader] = []
    var keepsAll = true
}

/// Makes the plan for a picture. Asked again where a decoder gives up and another one begins anew: what the last plan's readers saw, counts.
typealias RowPlanner = (PictureLayout) throws(IsomerError) -> RowPlan

/// A picture whose rows have all come, and what its file said about it.
struct DecodedRows {
    /// The rows as they came, if the plan kept them.
    var bitmap: Bitmap?
    var format: ImageFormat
    var storedSize: PixelSize
    var orientation: Orientation
    var exif: [UInt8]?
    var profile: [UInt8]?
    var warnings: [String]
    var isTruncated: Bool
}

extension DecodedRows {
    /// A decoded file's pixels are shown to the readers only now: what they need to know came with the last of them, or all came at once.
    ///
    /// - Parameter bitmap: Rows as they came, not shared with anybody.
    mutating func show(_ bitmap: Bitmap, _ colours: ColourTreatment, _ orientation: Orientation, _ planner: RowPlanner) throws(IsomerError)
    {
        let layout = PictureLayout(size: bitmap.size, channels: bitmap.channels, samples: bitmap.samples, orientation: orientation)
        let plan = try planner(layout)
        if bitmap.samples == .uint8 {
            RowWindow(showing: bitmap, to: plan.readers, conversion: colours.conversion).advanceToEnd()
        }
        if plan.keepsAll { self.bitmap = bitmap }
    }
}
