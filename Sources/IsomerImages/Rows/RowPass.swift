internal import CKernels
internal import IsomerBytes

/// A pass along rows: each row is filtered soon after it came.
final class RowPass: RowReader {
    private let filter: KernelFilter
    private let channels: Int
    private let rows: Range<Int>
    private let output: RowWindow
    private let turned: TurnedRows?
    private(set) var next: Int

    /// Rows that the kernels take together.
    private var group: Int { turned == nil ? 4 : TurnedRows.strip }
    var reach: Int { group - 1 }

    /// Rows that one step makes, at most.
    static func lot(_ channels: Int, _ level: isomer_level) -> Int {
        isomer_resample_turns(level, Int32(channels)) ? TurnedRows.strip : RowWindow.lot
    }

    /// - Parameters:
    ///   - filter: Made for rows of so many channels, or for columns where they are turned.
    ///   - rows: Those of the input that are wanted; they become all rows of `output`, whose lots hold `RowPass.lot` rows.
    init(_ filter: KernelFilter, channels: Int, rows: Range<Int>, into output: RowWindow) throws(IsomerError) {
        turned = filter.channels == 0 ? try TurnedRows(filter, channels: channels) : nil
        self.filter = filter
        self.channels = channels
        self.rows = rows
        self.output = output
        next = rows.lowerBound
    }

    func read(_ window: RowWindow) {
        let there = min(window.count, rows.upperBound)
        while next < there {
            var count = min(there - next, output.lot)
            if next + count < rows.upperBound { count -= count % group }
            guard count > 0, let room = output.room(for: count) else { break }
            let source = window.origin + next * window.rowBytes
            if let turned {
                turned.filter(source, window.rowBytes, room, output.rowBytes, rows: count, filter)
            } else {
                filter.filterRows(source, window.rowBytes, room, output.rowBytes, rows: count, channels: channels)
            }
            output.advance(by: count)
            next += count
        }
        if next == rows.upperBound { next = .max }
    }
}

/// Rows as columns of the transposed rows, for which there are better kernels: as many at a time as a cache holds and a vector takes.
struct TurnedRows {
    static let strip = 64
    private let step: Int
    private let inputs: Range<Int>
    private let turned: PixelStorage
    private let filtered: PixelStorage

    init(_ filter: KernelFilter, channels: Int) throws(IsomerError) {
        step = channels
        inputs = filter.inputs(of: 0).lowerBound..<filter.inputs(of: filter.outputs - 1).upperBound
        turned = try PixelStorage.table(inputs.count * channels * Self.strip, of: UInt8.self)
        filtered = try PixelStorage.table(filter.outputs * channels * Self.strip, of: UInt8.self)
    }

    /// At most `strip` rows. Where they are fewer, what stands beside them is filtered too, and left where it is.
    func filter(
        _ source: UnsafePointer<UInt8>, _ sourceStride: Int, _ target: UnsafeMutablePointer<UInt8>, _ targetStride: Int, rows: Int,
        _ filter: KernelFilter
    ) {
        let (input, output) = (turned.base.assumingMemoryBound(to: UInt8.self), filtered.base.assumingMemoryBound(to: UInt8.self))
        isomer_transpose_bytes(source + inputs.lowerBound * step, sourceStride, input, Self.strip, inputs.count * step, rows)
        filter.filterColumns(
            input - inputs.lowerBound * step * Self.strip, step * Self.strip, output, step * Self.strip, first: 0, rows: filter.outputs,
            bytes: (step - 1) * Self.strip + rows)
        isomer_transpose_bytes(output, Self.strip, target, targetStride, rows, filter.outputs * step)
    }
}
