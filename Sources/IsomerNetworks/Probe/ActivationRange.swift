import IsomerBytes
public import IsomerCompute

/// Where a forward pass leaves the numbers that a type can hold.
public final class ActivationRange {
    /// The largest finite f16.
    public static let halfPrecisionLimit: Float = 65_504

    /// The first layer whose output holds NaN or an infinity.
    public private(set) var firstNonFinite: String?
    /// The first layer whose output would overflow in f16, and how large it is there.
    public private(set) var firstBeyondHalf: (layer: String, magnitude: Float)?
    /// The largest finite magnitude of all, and the layer.
    public private(set) var largest: (layer: String, magnitude: Float)?

    /// Nothing seen yet.
    public init() {}

    /// Looks at the outputs of all layers of `c` from here on.
    public func watch(_ c: Computation) {
        c.observer = { [self, unowned c] layer, output throws(IsomerError) in
            let magnitude = try c.magnitude(of: output)
            let isFinite = magnitude.isFinite
            if !isFinite, firstNonFinite == nil { firstNonFinite = layer }
            // What is not a number is not too large for f16: it was told of already.
            if magnitude > Self.halfPrecisionLimit, firstBeyondHalf == nil { firstBeyondHalf = (layer, magnitude) }
            if isFinite, magnitude > largest?.magnitude ?? -1 { largest = (layer, magnitude) }
        }
        c.scoreObserver = (
            Self.halfPrecisionLimit,
            { [self] layer, magnitude throws(IsomerError) in
                // Numbers that are not finite were told of where they came from.
                if magnitude.isFinite, magnitude > Self.halfPrecisionLimit, firstBeyondHalf == nil {
                    firstBeyondHalf = ("\(layer) (queries times keys)", magnitude)
                }
            }
        )
    }
}
