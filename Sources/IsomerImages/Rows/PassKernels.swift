internal import CKernels
internal import IsomerBytes
internal import Synchronization

/// The passes that resample a picture of one size, as the kernels take them.
final class PassKernels: Sendable {
    let horizontal: KernelFilter?
    let vertical: KernelFilter?
    let columnsFirst: Bool
    let level: isomer_level
    /// The columns, or rows, of the picture that the first pass makes: the second one counts from their first.
    let columns: Range<Int>
    let rows: Range<Int>

    /// For pictures of `size` as stored, and passes of its rows as they are.
    init(_ passes: SeparablePasses, of size: PixelSize, _ channels: PixelChannels, level: isomer_level) throws(IsomerError) {
        (columnsFirst, self.level) = (passes.columnsFirst, level)
        var (first, second) = (passes.horizontal, passes.vertical)
        // What the second pass does not use is not made.
        columns = passes.columnsFirst && second != nil ? first?.inputRange ?? 0..<size.width : 0..<size.width
        rows = !passes.columnsFirst && first != nil ? second?.inputRange ?? 0..<size.height : 0..<size.height
        if columns.lowerBound > 0 { first = first?.shifted(by: -columns.lowerBound) }
        if rows.lowerBound > 0 { second = second?.shifted(by: -rows.lowerBound) }
        // Turned rows are columns.
        let turns = isomer_resample_turns(level, Int32(channels.count))
        horizontal = try first.map { filter throws(IsomerError) in
            try KernelFilter(filter, channels: turns ? 0 : channels.count, level: level)
        }
        vertical = try second.map { filter throws(IsomerError) in try KernelFilter(filter, channels: 0, level: level) }
    }

    /// For pictures as they are stored, and passes of the upright picture.
    convenience init(_ passes: SeparablePasses, of layout: PictureLayout) throws(IsomerError) {
        try self.init(
            passes.stored(standing: layout.orientation, layout.size), of: layout.size, layout.channels, level: isomer_level_current())
    }

    private var byteCount: Int { (horizontal?.byteCount ?? 0) + (vertical?.byteCount ?? 0) }

    /// What tells passes from others.
    struct Key: Hashable {
        var layout: PictureLayout
        var size: PixelSize
        /// Nil for averages of what each pixel covers.
        var filter: ResamplingFilter?
        var box: PixelBox
        var compatibility: PillowCompatibility
    }

    /// Pictures of one camera have one size, and weights take longer to compute than a hundredth of a photo to decode: the last few are kept.
    private static let recent = Mutex<[(key: Key, kernels: PassKernels)]>([])
    private static let most = (count: 8, bytes: 2 << 20)

    /// Those that were made for the same, or what `make` makes.
    static func recurring(_ key: Key, _ make: () throws(IsomerError) -> PassKernels?) throws(IsomerError) -> PassKernels? {
        let known = recent.withLock { recent in
            guard let place = recent.lastIndex(where: { $0.key == key }) else { return nil as PassKernels? }
            let entry = recent.remove(at: place)
            recent.append(entry)
            return entry.kernels
        }
        if let known { return known }
        guard let made = try make() else { return nil }
        guard made.byteCount <= most.bytes else { return made }
        recent.withLock { recent in
            if recent.count >= most.count { recent.removeFirst() }
            recent.append((key, made))
        }
        return made
    }
}
