public import IsomerBytes

/// Numbers of f32, row-major without gaps, in the memory of one forward pass. The memory is given back with the last reference.
///
/// Pictures are `[images, height, width, channels]`, sequences `[images, tokens, channels]`.
public final class Tensor {
    /// The extents, outermost first.
    public let shape: [Int]
    /// The product of the extents.
    public let count: Int
    private let storage: Storage

    /// Memory that tensors of several shapes may share.
    private final class Storage {
        let arena: Arena
        let place: Arena.Place

        init(_ count: Int, in arena: Arena) throws(IsomerError) {
            self.arena = arena
            place = try arena.take(count)
        }

        deinit { arena.giveBack(place) }
    }

    init(_ shape: [Int], in arena: Arena) throws(IsomerError) {
        let count = try Tensor.count(shape)
        self.shape = shape
        self.count = count
        storage = try Storage(count, in: arena)
    }

    /// The same numbers in another shape. They are not copied: no operation changes a tensor that it has made.
    init(_ original: Tensor, as shape: [Int]) throws(IsomerError) {
        count = try Tensor.count(shape)
        guard count == original.count else {
            throw IsomerError(.mismatch, "a tensor cannot be reshaped", expected: "\(shape)", found: "\(original.shape)")
        }
        self.shape = shape
        storage = original.storage
    }

    private static func count(_ shape: [Int]) throws(IsomerError) -> Int {
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else {
                throw IsomerError(.malformed, "a tensor has an impossible shape", found: "\(shape)")
            }
            count = product
        }
        return count
    }

    /// The last extent.
    public var channels: Int { shape.last ?? 1 }

    /// All extents but the last, multiplied.
    public var rows: Int { channels == 0 ? 0 : count / channels }

    /// The first of `count` numbers; `nil` in a plan.
    var address: UnsafeMutablePointer<Float>? { storage.place.address }

    /// A copy of the numbers. Empty in a plan.
    public var values: [Float] {
        guard let address else { return [] }
        return Array(UnsafeBufferPointer(start: address, count: count))
    }

    /// Lends the numbers to `body`: none in a plan.
    public func withValues<Result>(_ body: (UnsafeBufferPointer<Float>) throws(IsomerError) -> Result) throws(IsomerError) -> Result {
        try body(UnsafeBufferPointer(start: address, count: address == nil ? 0 : count))
    }

    /// Throws `mismatch` unless the extents are `expected`.
    func require(_ expected: [Int], as role: String) throws(IsomerError) {
        guard shape == expected else {
            throw IsomerError(.mismatch, "\(role) has the wrong shape", expected: "\(expected)", found: "\(shape)")
        }
    }
}
