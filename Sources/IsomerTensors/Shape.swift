public import IsomerBytes

/// The extents of a tensor, outermost first. Empty for a scalar.
///
/// A shape is checked when it is made: extents are not negative and their product fits in an `Int`.
public struct Shape: Hashable, Sendable {
    /// The extents, outermost first.
    public let dimensions: [Int]
    /// The product of the extents: 1 for a scalar, 0 if any extent is 0.
    public let elementCount: Int

    /// Checks the extents. Throws `malformed` for a negative extent or a product beyond `Int.max`.
    public init(_ dimensions: [Int]) throws(IsomerError) {
        var count = 1
        var hasZero = false
        for extent in dimensions {
            guard extent >= 0 else {
                throw IsomerError(.malformed, "a shape has a negative extent", found: Shape.text(dimensions))
            }
            if extent == 0 {
                hasZero = true
                continue
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow else {
                throw IsomerError(.malformed, "a shape has more elements than memory can address", found: Shape.text(dimensions))
            }
            count = product
        }
        self.dimensions = dimensions
        self.elementCount = hasZero ? 0 : count
    }

    private init(scalar: Void) {
        dimensions = []
        elementCount = 1
    }

    /// The shape of a single number.
    public static let scalar = Shape(scalar: ())

    /// How many extents there are.
    public var rank: Int { dimensions.count }

    private static func text(_ dimensions: [Int]) -> String {
        "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { Shape.text(dimensions) }
}
