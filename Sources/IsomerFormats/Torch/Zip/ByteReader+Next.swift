internal import IsomerBytes

extension ByteReader {
    /// The next little-endian integer, of the type that is wanted.
    mutating func next<Number: FixedWidthInteger>(_ meaning: String) throws(IsomerError) -> Number {
        try read(Number.self, meaning)
    }
}

extension UInt64 {
    /// The product, or the largest number there is.
    func multipliedSaturating(by factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
