public import IsomerBytes

/// Which elements of a flat storage make up a tensor: element `[i, j, …]` lies at `offset + i * strides[0] + j * strides[1] + …`.
///
/// A view is checked when it is made: every element lies inside the storage. It knows nothing of bytes; `gather` does.
public struct StridedView: Hashable, Sendable {
    /// Where the first element lies in the storage, in elements.
    public let offset: Int
    /// The extents.
    public let shape: Shape
    /// How far apart neighbours along each axis lie in the storage, in elements. Zero repeats, negative runs backwards.
    public let strides: [Int]
    /// How many elements the storage has.
    public let storageElementCount: Int
    /// The elements of the storage that lie between the first and the last one used, both included. Empty for a view without elements.
    public let span: Range<Int>
    /// The same walk with as few axes as possible: extents of 1 left out, neighbouring axes that step evenly joined.
    let axes: [Axis]

    struct Axis: Hashable, Sendable {
        var extent: Int
        var stride: Int
    }

    /// Throws `malformed` if there are not as many strides as extents or if an element lies outside the storage.
    public init(offset: Int, shape: Shape, strides: [Int], storageElementCount: Int) throws(IsomerError) {
        guard strides.count == shape.rank else {
            throw IsomerError(
                .malformed, "a strided tensor needs one stride for each dimension", expected: "\(shape.rank) strides",
                found: "\(strides.count)")
        }
        guard storageElementCount >= 0, offset >= 0, offset <= storageElementCount else {
            throw Self.outside(offset: offset, shape: shape, strides: strides, storageElementCount: storageElementCount)
        }
        self.offset = offset
        self.shape = shape
        self.strides = strides
        self.storageElementCount = storageElementCount

        guard shape.elementCount > 0 else {
            span = offset..<offset
            axes = []
            return
        }
        var low = offset
        var high = offset
        var overflows = false
        for (extent, stride) in zip(shape.dimensions, strides) where extent > 1 {
            let (reach, productOverflows) = stride.multipliedReportingOverflow(by: extent - 1)
            let (end, sumOverflows) = (reach < 0 ? low : high).addingReportingOverflow(reach)
            overflows = overflows || productOverflows || sumOverflows
            if reach < 0 { low = end } else { high = end }
        }
        guard !overflows, low >= 0, high < storageElementCount else {
            throw Self.outside(offset: offset, shape: shape, strides: strides, storageElementCount: storageElementCount)
        }
        span = low..<high + 1
        axes = Self.joined(shape: shape, strides: strides)
    }

    /// A whole storage in row-major order.
    public init(contiguous shape: Shape) {
        offset = 0
        self.shape = shape
        strides = Self.rowMajorStrides(of: shape)
        storageElementCount = shape.elementCount
        span = 0..<shape.elementCount
        axes = shape.elementCount > 0 ? Self.joined(shape: shape, strides: strides) : []
    }

    /// Whether the elements follow each other in the storage in row-major order without gaps.
    public var isContiguous: Bool { axes.isEmpty || (axes.count == 1 && axes[0].stride == 1) }

    /// The strides of a tensor whose last axis varies fastest, without gaps. An extent of zero counts as one, as in PyTorch.
    public static func rowMajorStrides(of shape: Shape) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.rank)
        var step = 1
        for axis in shape.dimensions.indices.reversed() {
            strides[axis] = step
            // The product of a shape with an extent of zero may be anything; nobody will step that far.
            step = step.multipliedReportingOverflow(by: max(shape.dimensions[axis], 1)).partialValue
        }
        return strides
    }

    /// The same elements with the axes in another order: axis `i` of the result is axis `order[i]` of this view.
    /// Throws `usage` unless `order` names every axis once.
    public func permuted(_ order: [Int]) throws(IsomerError) -> StridedView {
        guard order.sorted() == Array(shape.dimensions.indices) else {
            throw IsomerError(.usage, "an order of axes must name every axis once", expected: "0..<\(shape.rank)", found: "\(order)")
        }
        return try StridedView(
            offset: offset, shape: Shape(order.map { shape.dimensions[$0] }), strides: order.map { strides[$0] },
            storageElementCount: storageElementCount)
    }

    private static func joined(shape: Shape, strides: [Int]) -> [Axis] {
        var axes: [Axis] = []
        for (extent, stride) in zip(shape.dimensions, strides) where extent > 1 {
            let (step, overflow) = extent.multipliedReportingOverflow(by: stride)
            if !overflow, let last = axes.last, last.stride == step {
                axes[axes.count - 1] = Axis(extent: last.extent * extent, stride: stride)
            } else {
                axes.append(Axis(extent: extent, stride: stride))
            }
        }
        return axes
    }

    private static func outside(offset: Int, shape: Shape, strides: [Int], storageElementCount: Int) -> IsomerError {
        IsomerError(
            .malformed, "a strided tensor reaches outside its storage", expected: "at most \(storageElementCount) elements",
            found: "offset \(offset), shape \(shape), strides \(strides)")
    }
}
