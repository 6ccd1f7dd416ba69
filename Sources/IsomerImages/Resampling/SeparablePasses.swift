internal import IsomerBytes

/// One or two passes that give a picture another size: a filter along its rows, one along its columns, and which comes first.
struct SeparablePasses {
    var horizontal: AxisFilter?
    var vertical: AxisFilter?
    var columnsFirst = false

    init(horizontal: AxisFilter? = nil, vertical: AxisFilter? = nil, columnsFirst: Bool = false) {
        (self.horizontal, self.vertical, self.columnsFirst) = (horizontal, vertical, columnsFirst)
    }

    /// Pillow's passes from a box of a picture to another size. Nil where nothing is summed: for the nearest pixel, for whole areas, which are no
    /// passes, and for a part of the picture as it is.
    init?(
        from picture: PixelSize, to size: PixelSize, _ filter: ResamplingFilter, _ box: PixelBox, _ compatibility: PillowCompatibility
    ) {
        let edges = (left: Float(box.left), top: Float(box.top), right: Float(box.right), bottom: Float(box.bottom))
        let isWholePixels = edges.left == edges.left.rounded(.down) && edges.top == edges.top.rounded(.down)
        if isWholePixels, edges.right - edges.left == Float(size.width), edges.bottom - edges.top == Float(size.height),
            Int(edges.left) + size.width <= picture.width, Int(edges.top) + size.height <= picture.height
        {
            return nil
        }
        guard filter.isSeparable else { return nil }
        columnsFirst =
            switch compatibility {
            case .pillow12: picture.height > 100 * picture.width && size.height < picture.height
            case .pillow13: picture.height > size.height && picture.height - size.height > 2 * (picture.width - size.width)
            }
        // Weights of a hundred megapixels for one pixel would be a table larger than the picture: the limit covers it.
        if size.width != picture.width || edges.left != 0 || edges.right != Float(size.width) {
            horizontal = AxisFilter(filter, input: picture.width, from: edges.left, to: edges.right, outputs: size.width)
        }
        if size.height != picture.height || edges.top != 0 || edges.bottom != Float(size.height) {
            vertical = AxisFilter(filter, input: picture.height, from: edges.top, to: edges.bottom, outputs: size.height)
        }
    }

    /// Averages of what each pixel of a smaller copy covers. Columns come first, unlike in Pillow's: they are the faster pass, and do nearly all of
    /// the work this way.
    static func boxes(from picture: PixelSize, to size: PixelSize) -> SeparablePasses {
        func filter(_ input: Int, _ outputs: Int) -> AxisFilter {
            AxisFilter(.box, input: input, from: 0, to: Float(input), outputs: outputs)
        }
        return SeparablePasses(
            horizontal: filter(picture.width, size.width), vertical: filter(picture.height, size.height), columnsFirst: true)
    }

    /// The same for the picture of `size` as it is stored, where its rows may be columns and begin at the other end. Sums are of integers, so that
    /// their order does not matter: what comes out only has to be turned.
    func stored(standing orientation: Orientation, _ size: PixelSize) -> SeparablePasses {
        var passes =
            orientation.swapsSides
            ? SeparablePasses(horizontal: vertical, vertical: horizontal, columnsFirst: !columnsFirst) : self
        if orientation.reversesRows { passes.horizontal = passes.horizontal?.reversed(length: size.width) }
        if orientation.reversesColumns { passes.vertical = passes.vertical?.reversed(length: size.height) }
        return passes
    }
}
