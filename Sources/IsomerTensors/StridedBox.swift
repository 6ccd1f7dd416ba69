internal import CKernels
internal import IsomerBytes

/// A rectangular part of a strided tensor: where its elements lie in the storage, and where they go in a row-major destination.
struct StridedBox {
    struct Axis {
        var extent: Int
        /// Steps in elements.
        var storageStride: Int
        var destinationStride: Int
    }

    /// The first element's place in the storage, in elements.
    var storageOffset: Int
    /// The first element's place in the destination, in elements.
    var destinationOffset: Int
    /// Outermost first. Without axes the box is one element.
    var axes: [Axis]

    /// The part of the storage that the box reads.
    var span: Range<Int> {
        var low = storageOffset
        var high = storageOffset
        for axis in axes {
            let reach = (axis.extent - 1) * axis.storageStride
            if reach < 0 { low += reach } else { high += reach }
        }
        return low..<high + 1
    }

    /// Whether the box is one run on both sides.
    var isContiguous: Bool {
        var step = 1
        for axis in axes.reversed() where axis.extent > 1 {
            guard axis.storageStride == step, axis.destinationStride == step else { return false }
            step *= axis.extent
        }
        return true
    }

    var movedToOrigin: StridedBox {
        var box = self
        box.destinationOffset = 0
        return box
    }

    // MARK: - Cutting a range of elements into boxes

    /// Calls `body` with boxes that together are elements `range`, in row-major order, of a walk along `axes`. The destination starts at
    /// the range's first element. There are at most two boxes for each axis.
    static func forEach(
        in axes: [StridedView.Axis], offset: Int, elements range: Range<Int>, _ body: (StridedBox) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        guard !range.isEmpty else { return }
        // How many elements one step along each axis covers.
        var steps = [Int](repeating: 1, count: axes.count)
        for axis in axes.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * axes[axis + 1].extent }

        /// The elements `range` of the sub-walk from `axis` on, which starts at `storage` and goes to `destination`.
        func cut(_ axis: Int, _ range: Range<Int>, storage: Int, destination: Int) throws(IsomerError) {
            guard axis < axes.count else {
                try body(StridedBox(storageOffset: storage, destinationOffset: destination, axes: []))
                return
            }
            let step = steps[axis]
            let stride = axes[axis].stride
            var index = range.lowerBound / step
            let end = range.upperBound / step
            var destination = destination
            var rest = range.lowerBound % step
            if index == end {
                try cut(axis + 1, rest..<range.upperBound % step, storage: storage + index * stride, destination: destination)
                return
            }
            if rest > 0 {
                try cut(axis + 1, rest..<step, storage: storage + index * stride, destination: destination)
                destination += step - rest
                index += 1
            }
            if index < end {
                var boxAxes = [Axis(extent: end - index, storageStride: stride, destinationStride: step)]
                for inner in axes.indices.dropFirst(axis + 1) {
                    boxAxes.append(Axis(extent: axes[inner].extent, storageStride: axes[inner].stride, destinationStride: steps[inner]))
                }
                try body(StridedBox(storageOffset: storage + index * stride, destinationOffset: destination, axes: boxAxes))
                destination += (end - index) * step
            }
            rest = range.upperBound % step
            if rest > 0 { try cut(axis + 1, 0..<rest, storage: storage + end * stride, destination: destination) }
        }
        try cut(0, range, storage: offset, destination: 0)
    }

    // MARK: - Cutting a box into windows of the storage

    /// Calls `body` with smaller boxes, each of which spans at most `budget` elements of the storage, in the storage's own order. An axis
    /// along which pieces lie more than `gap` elements apart is walked step by step, so that what lies between is not read.
    func forEachWindow(of budget: Int, gap: Int, _ body: (StridedBox) throws(IsomerError) -> Void) throws(IsomerError) {
        // The longest steps outermost: then what is inside is as compact as it can be.
        var sorted = self
        sorted.axes.sort { abs($0.storageStride) > abs($1.storageStride) }

        // For each axis: what the axes inside it span, and whether they can be read in one piece.
        var spans = [Int](repeating: 1, count: axes.count)
        var areDense = [Bool](repeating: true, count: axes.count)
        for axis in axes.indices.dropLast().reversed() {
            let inner = sorted.axes[axis + 1]
            spans[axis] = spans[axis + 1] + (inner.extent - 1) * abs(inner.storageStride)
            areDense[axis] = areDense[axis + 1] && (inner.extent == 1 || abs(inner.storageStride) - spans[axis + 1] <= gap)
        }

        func visit(_ box: StridedBox, _ axis: Int) throws(IsomerError) {
            guard axis < box.axes.count else {
                try body(box)
                return
            }
            let extent = box.axes[axis].extent
            let stride = abs(box.axes[axis].storageStride)
            let span = spans[axis]
            let inOnePiece = areDense[axis] && span <= budget
            // As many steps as (steps - 1) * stride + span <= budget allows.
            let steps = !inOnePiece || stride - span > gap ? 1 : stride == 0 ? extent : (budget - span) / stride + 1
            for start in Swift.stride(from: 0, to: extent, by: steps) {
                var piece = box
                piece.axes[axis].extent = min(steps, extent - start)
                piece.storageOffset += start * box.axes[axis].storageStride
                piece.destinationOffset += start * box.axes[axis].destinationStride
                if inOnePiece { try body(piece) } else { try visit(piece, axis + 1) }
            }
        }
        try visit(sorted, 0)
    }

    // MARK: - Copying

    /// Copies the box. `storage` is where the storage's element 0 lies (or would lie), `destination` where this box's first element goes.
    func copy(from storage: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, elementSize: Int) {
        var outer = axes.filter { $0.extent > 1 }
        let one = Axis(extent: 1, storageStride: 0, destinationStride: 0)
        // The kernel takes two axes: the one that is innermost on the way out, and among the others the one innermost on the way in.
        let column = Self.removeInnermost(&outer, by: \.destinationStride) ?? one
        let row = Self.removeInnermost(&outer, by: \.storageStride) ?? one
        Self.copy(outer[...], row, column, from: storage + storageOffset * elementSize, to: destination, elementSize: elementSize)
    }

    private static func removeInnermost(_ axes: inout [Axis], by stride: KeyPath<Axis, Int>) -> Axis? {
        let index = axes.indices.min { abs(axes[$0][keyPath: stride]) < abs(axes[$1][keyPath: stride]) }
        return index.map { axes.remove(at: $0) }
    }

    private static func copy(
        _ outer: ArraySlice<Axis>, _ row: Axis, _ column: Axis, from source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer,
        elementSize: Int
    ) {
        guard let axis = outer.first else {
            isomer_copy_strided(
                destination, row.destinationStride, column.destinationStride, source, row.storageStride, column.storageStride,
                row.extent, column.extent, elementSize)
            return
        }
        for step in 0..<axis.extent {
            copy(
                outer.dropFirst(), row, column, from: source + step * axis.storageStride * elementSize,
                to: destination + step * axis.destinationStride * elementSize, elementSize: elementSize)
        }
    }
}
