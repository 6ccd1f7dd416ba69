internal import IsomerBytes
internal import IsomerTensors

/// Copies a piece of a strided view into row-major order, reading only the neighbourhood of what it needs.
///
/// A range of the row-major order is cut into boxes. In a box the axes are taken from the smallest stride up, and as many as lie densely
/// enough become one window, which is read at once; the other axes step the window. A transposed matrix is read in short runs, a cropped one
/// in rows, a channels-last one whole: always at most a megabyte at a time.
struct StridedGather {
    let view: TorchView
    let storage: TorchStorage
    private let itemBytes: Int

    /// One axis of a box: how far it goes, and the distance of its elements in the storage and in the result.
    private struct Axis {
        let extent: Int
        let source: Int
        let target: Int
    }

    private static let denseWindow = 64 << 10
    private static let largestWindow = 1 << 20

    init(_ view: TorchView, _ storage: TorchStorage) {
        self.view = view
        self.storage = storage
        itemBytes = view.scalarType.bitCount / 8
    }

    /// Fills `buffer` with the elements `elements`, counted row-major.
    func gather(_ elements: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard !elements.isEmpty else { return }
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: StridedGather.largestWindow, alignment: 16)
        defer { window.deallocate() }
        try cut(elements, axis: 0, source: view.offset, target: 0, buffer, window)
    }

    /// Elements below one index of `axis`.
    private func innerCount(_ axis: Int) -> Int { view.shape.dimensions[(axis + 1)...].reduce(1, *) }

    /// Cuts a range into boxes: at most a head, a body and a tail for each axis.
    private func cut(
        _ range: Range<Int>, axis: Int, source: Int, target: Int, _ buffer: UnsafeMutableRawBufferPointer,
        _ window: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        guard axis < view.shape.rank else { return try copy([], source, target, buffer, window) }
        let inner = innerCount(axis)
        let stride = view.strides[axis]
        var position = range.lowerBound
        var written = target
        while position < range.upperBound {
            let index = position / inner
            let start = position % inner
            let rows = start == 0 ? (range.upperBound - position) / inner : 0
            if rows > 0 {
                var axes = [Axis(extent: rows, source: stride, target: inner)]
                for below in (axis + 1)..<max(axis + 1, view.shape.rank) {
                    axes.append(Axis(extent: view.shape.dimensions[below], source: view.strides[below], target: innerCount(below)))
                }
                try copy(axes, source + index * stride, written, buffer, window)
                position += rows * inner
                written += rows * inner
            } else {
                let end = min(range.upperBound - index * inner, inner)
                try cut(start..<end, axis: axis + 1, source: source + index * stride, target: written, buffer, window)
                position += end - start
                written += end - start
            }
        }
    }

    /// Copies a box.
    private func copy(
        _ box: [Axis], _ source: Int, _ target: Int, _ buffer: UnsafeMutableRawBufferPointer, _ window: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        var inside: [Axis] = []
        var outside: [Axis] = []
        var span = 1
        var count = 1
        for axis in box.filter({ $0.extent > 1 }).sorted(by: { $0.source < $1.source }) {
            let room = outside.isEmpty ? largestExtent(axis, span: span, count: count) : 1
            if room >= axis.extent {
                inside.append(axis)
                span += (axis.extent - 1) * axis.source
                count *= axis.extent
            } else {
                outside.append(axis)
            }
        }
        // The first axis that does not fit goes into the window in pieces.
        let split = outside.first.map { max(1, largestExtent($0, span: span, count: count)) } ?? 1
        try step(outside, split, inside, span, source, target, buffer, window)
    }

    /// How many steps of `axis` a window may take in that holds `count` elements on `span` places.
    private func largestExtent(_ axis: Axis, span: Int, count: Int) -> Int {
        guard axis.source > 0 else { return axis.extent }
        let isDense = axis.source <= 4 * count
        let room = (isDense ? StridedGather.largestWindow : StridedGather.denseWindow) / itemBytes
        return span <= room ? min(axis.extent, (room - span) / axis.source + 1) : 1
    }

    /// Moves the window over the axes outside of it.
    private func step(
        _ outside: [Axis], _ split: Int, _ inside: [Axis], _ span: Int, _ source: Int, _ target: Int,
        _ buffer: UnsafeMutableRawBufferPointer, _ window: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        guard let axis = outside.last else { return try copyWindow(inside, span, source, target, buffer, window) }
        if outside.count > 1 {
            for index in 0..<axis.extent {
                try step(
                    outside.dropLast(), split, inside, span, source + index * axis.source, target + index * axis.target, buffer, window)
            }
            return
        }
        var index = 0
        while index < axis.extent {
            let extent = min(split, axis.extent - index)
            let piece = Axis(extent: extent, source: axis.source, target: axis.target)
            try copyWindow(
                inside + [piece], span + (extent - 1) * axis.source, source + index * axis.source, target + index * axis.target, buffer,
                window)
            index += extent
        }
    }

    private func copyWindow(
        _ axes: [Axis], _ span: Int, _ source: Int, _ target: Int, _ buffer: UnsafeMutableRawBufferPointer,
        _ window: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: window[..<(span * itemBytes)])
        try storage.read(into: bytes, at: UInt64(source) * UInt64(itemBytes))
        switch itemBytes {
        case 1: scatter(UInt8.self, axes[...], UnsafeRawBufferPointer(bytes), 0, buffer, target)
        case 2: scatter(UInt16.self, axes[...], UnsafeRawBufferPointer(bytes), 0, buffer, target)
        case 4: scatter(UInt32.self, axes[...], UnsafeRawBufferPointer(bytes), 0, buffer, target)
        case 8: scatter(UInt64.self, axes[...], UnsafeRawBufferPointer(bytes), 0, buffer, target)
        default: scatter(UInt128.self, axes[...], UnsafeRawBufferPointer(bytes), 0, buffer, target)
        }
    }

    /// Spreads the window's elements over the result. The axis with the smallest stride is innermost.
    private func scatter<Item: BitwiseCopyable>(
        _ item: Item.Type, _ axes: ArraySlice<Axis>, _ window: UnsafeRawBufferPointer, _ source: Int,
        _ buffer: UnsafeMutableRawBufferPointer,
        _ target: Int
    ) {
        guard let axis = axes.last else {
            buffer.storeBytes(
                of: window.loadUnaligned(fromByteOffset: source * itemBytes, as: Item.self), toByteOffset: target * itemBytes, as: Item.self
            )
            return
        }
        if axes.count == 1 {
            for index in 0..<axis.extent {
                let value = window.loadUnaligned(fromByteOffset: (source + index * axis.source) * itemBytes, as: Item.self)
                buffer.storeBytes(of: value, toByteOffset: (target + index * axis.target) * itemBytes, as: Item.self)
            }
            return
        }
        for index in 0..<axis.extent {
            scatter(item, axes.dropLast(), window, source + index * axis.source, buffer, target + index * axis.target)
        }
    }
}
