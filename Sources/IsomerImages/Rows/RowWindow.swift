internal import IsomerBytes

/// Looks at the rows of a picture while they come.
protocol RowReader: AnyObject {
    /// How many rows that came before it may need once more, at most.
    var reach: Int { get }
    /// The first row that it still needs.
    var next: Int { get }
    /// Called whenever there are more rows: the newest are in the cache.
    func read(_ window: RowWindow)
}

/// The rows of an 8-bit picture as they come from the top: all of them, or only the newest.
///
/// Whoever makes rows asks for room, fills it and says so. Readers see each row as soon as it is there; unless the window keeps everything, what no
/// reader needs any more makes place for new rows, so that a picture passes through the cache and never lies in memory whole.
final class RowWindow {
    /// Rows that come at once, at most, if nothing else is said: what decoders hand over together, as a multiple of four.
    static let lot = 20

    let size: PixelSize
    let lot: Int
    /// Bytes from one row to the next.
    let rowBytes: Int
    /// Rows that are there, or were.
    private(set) var count = 0
    private let memory: Bitmap
    private let keepsAll: Bool
    /// The row that is the memory's first one.
    private var first = 0
    private let readers: [any RowReader]
    private let conversion: SRGBConversion?

    /// For rows that are still to come. Throws `limitExceeded` if there is no memory, `usage` if a side is less than 1.
    ///
    /// - Parameter conversion: What is done to each row's colours before anybody sees it.
    init(
        _ size: PixelSize, _ channels: PixelChannels, readers: [any RowReader] = [], keepsAll: Bool = false, lot: Int = RowWindow.lot,
        conversion: SRGBConversion? = nil, limits: Limits
    ) throws(IsomerError) {
        self.size = size
        self.lot = lot
        self.readers = readers
        self.conversion = conversion
        self.keepsAll = keepsAll
        // What readers need once more, and room for what comes.
        let rows = readers.reduce(0) { max($0, $1.reach) } + lot
        memory = try Bitmap(uninitialized: size.width, keepsAll ? size.height : min(rows, size.height), channels, limits: limits)
        rowBytes = memory.rowBytes
    }

    /// For a picture that is there already, of 8-bit samples: `advance` shows its rows to the readers.
    init(showing picture: Bitmap, to readers: [any RowReader], conversion: SRGBConversion? = nil) {
        (size, memory, rowBytes, lot) = (picture.size, picture, picture.rowBytes, Self.lot)
        self.readers = readers
        self.conversion = conversion
        keepsAll = true
    }

    /// The whole picture, if it is kept and all of it has come.
    var bitmap: Bitmap? { keepsAll && count == size.height ? memory : nil }

    // SAFETY: where row 0 is, or was: only rows are read that have come and that a reader still needs. Valid while the window lives.
    var origin: UnsafePointer<UInt8> { memory.source - first * rowBytes }

    /// Where the next `rows` rows go; nil if they are more than a lot, or than the picture has.
    func room(for rows: Int) -> UnsafeMutablePointer<UInt8>? {
        guard rows > 0, rows <= lot, rows <= size.height - count else { return nil }
        if count - first + rows > memory.height {
            let kept = readers.reduce(count) { min($0, $1.next) }
            guard kept >= first, count - kept + rows <= memory.height else { return nil }
            // SAFETY: rows `kept` to `count` lie in memory behind its start; `update` minds that both may overlap.
            memory.target.update(from: memory.source + (kept - first) * rowBytes, count: (count - kept) * rowBytes)
            first = kept
        }
        return memory.target + (count - first) * rowBytes
    }

    /// Says that `rows` more rows are there.
    func advance(by rows: Int) {
        let rows = min(rows, size.height - count)
        guard rows > 0 else { return }
        conversion?.convert(memory.target + (count - first) * rowBytes, size.width * rows, memory.channels)
        count += rows
        for reader in readers { reader.read(self) }
    }

    /// Says of a picture that is there already that its rows are, a lot at a time.
    func advanceToEnd() {
        while count < size.height { advance(by: lot) }
    }
}
