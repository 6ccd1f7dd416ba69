public import IsomerBytes

/// A tensor's name, type and shape, without its bytes.
public struct TensorDescriptor: Hashable, Sendable {
    /// The full dotted name, exactly as it stands in its file.
    public var name: String
    /// The type of its elements.
    public let scalarType: ScalarType
    /// Its extents.
    public let shape: Shape
    /// The bytes of its elements, row-major, without gaps.
    public let byteCount: Int

    /// Throws `malformed` if the size in bytes does not fit in an `Int`, or if elements do not fill their last byte or block.
    public init(name: String, scalarType: ScalarType, shape: Shape) throws(IsomerError) {
        let group = scalarType.group
        guard shape.elementCount % group.elementCount == 0 else {
            throw IsomerError(
                .malformed, "the tensor's elements do not fill whole \(scalarType.kind == .block ? "blocks" : "bytes")", item: name,
                found: "\(scalarType.rawValue) \(shape)")
        }
        guard let bytes = scalarType.byteCount(of: shape.elementCount), bytes <= Int.max / 8 else {
            throw IsomerError(.malformed, "the tensor has more bytes than memory can address", item: name, found: "\(shape)")
        }
        self.name = name
        self.scalarType = scalarType
        self.shape = shape
        self.byteCount = bytes
    }
}

extension TensorDescriptor {
    /// Equal if type, shape and the bytes of the name are.
    public static func == (left: TensorDescriptor, right: TensorDescriptor) -> Bool {
        left.scalarType == right.scalarType && left.shape == right.shape && left.name.utf8.elementsEqual(right.name.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactString(name))
        hasher.combine(scalarType)
        hasher.combine(shape)
    }
}

extension TensorDescriptor {
    /// Throws unless `count` bytes from `offset` lie inside the tensor.
    package func checkRange(_ offset: Int, _ count: Int, path: FilePath? = nil) throws(IsomerError) {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw IsomerError(
                .usage, "the range lies outside the tensor", path: path, item: name, expected: "\(byteCount) bytes",
                found: "\(count) bytes from \(offset)")
        }
    }
}
