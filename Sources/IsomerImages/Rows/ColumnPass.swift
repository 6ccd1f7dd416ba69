internal import CKernels
internal import IsomerBytes

/// A pass along columns: each row of what comes out is made as soon as all rows are there that it is a sum of.
final class ColumnPass: RowReader {
    private let filter: KernelFilter
    private let bytes: Range<Int>
    private let output: RowWindow
    private var done = 0
    let reach: Int
    var next: Int { done < filter.outputs ? filter.inputs(of: done).lowerBound : .max }

    /// - Parameter bytes: Those of each row that are wanted: a row of `output`.
    init(_ filter: KernelFilter, bytes: Range<Int>, into output: RowWindow) {
        self.filter = filter
        self.bytes = bytes
        self.output = output
        reach = filter.capacity
    }

    func read(_ window: RowWindow) {
        while true {
            var end = done
            while end < min(filter.outputs, done + output.lot), filter.inputs(of: end).upperBound <= window.count { end += 1 }
            guard end > done, let room = output.room(for: end - done) else { return }
            filter.filterColumns(
                window.origin + bytes.lowerBound, window.rowBytes, room, output.rowBytes, first: done, rows: end - done, bytes: bytes.count)
            output.advance(by: end - done)
            done = end
        }
    }
}
