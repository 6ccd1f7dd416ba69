#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The position of the first byte that differs, or the shorter count if one is a prefix of the other; `nil` for equal ranges.
func firstDifference(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int? {
    let count = min(left.count, right.count)
    if count > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress, memcmp(leftBase, rightBase, count) != 0 {
        return (0..<count).first { left[$0] != right[$0] }
    }
    return left.count == right.count ? nil : count
}
