#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A string that equals another only if both have the same UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence: `é` as one scalar equals `e` followed by a combining accent. In files they are
/// different names, so everything that is looked up by a name from a file goes through this type. It orders by bytes, as Rust and C do.
public struct ExactString: Sendable {
    /// The string itself.
    public let string: String

    public init(_ string: String) {
        self.string = string
    }
}

extension ExactString: Hashable {
    public static func == (left: ExactString, right: ExactString) -> Bool {
        left.string.utf8.count == right.string.utf8.count && order(left, right) == 0
    }

    public func hash(into hasher: inout Hasher) {
        let isContiguous: Void? = string.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if isContiguous == nil {
            // Only bridged strings get here. The bytes must be combined in one piece to hash as above.
            Array(string.utf8).withUnsafeBytes { hasher.combine(bytes: $0) }
        }
    }
}

extension ExactString: Comparable {
    public static func < (left: ExactString, right: ExactString) -> Bool {
        order(left, right) < 0
    }

    /// Negative, zero or positive, as `memcmp` counts: byte by byte an order of magnitude slower in files with thousands of names.
    private static func order(_ left: ExactString, _ right: ExactString) -> Int {
        withBytes(left.string) { left in
            withBytes(right.string) { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return left.count - right.count }
                let difference = memcmp(first, second, min(left.count, right.count))
                return difference == 0 ? left.count - right.count : Int(difference)
            }
        }
    }

    /// The string's bytes where they lie, without a count of references; `withUTF8` needs a variable, which is a copy.
    private static func withBytes(_ string: String, _ body: (UnsafeBufferPointer<UInt8>) -> Int) -> Int {
        if let result = string.utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = string
        return copy.withUTF8(body)
    }
}

extension ExactString: ExpressibleByStringLiteral, CustomStringConvertible {
    public init(stringLiteral value: String) {
        self.init(value)
    }

    public var description: String { string }
}
